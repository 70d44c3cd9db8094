//! The connections that answer questions.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::Connection;
use tokio::{sync::Semaphore, task, time};

use crate::store::{Error, OpenError, schema, search};

/// How many questions are answered at once.
const CONNECTIONS: usize = 3;

/// How long a question may take, and how long it may wait for its turn.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(5);

/// How long after an interrupt the next one follows.
const AGAIN: Duration = Duration::from_millis(50);

/// A few read-only connections that take turns.
#[derive(Debug)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
    max_wait: Duration,
}

impl Readers {
    /// Opens the connections.
    pub(super) fn open(path: &Path, max_wait: Duration) -> Result<Self, OpenError> {
        let mut idle = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            let connection = schema::open_reader(path)?;
            search::install(&connection)
                .map_err(|source| OpenError::Database { path: path.to_owned(), source })?;
            idle.push(connection);
        }
        Ok(Self {
            idle: Arc::new(Mutex::new(idle)),
            turns: Arc::new(Semaphore::new(CONNECTIONS)),
            max_wait,
        })
    }

    /// Asks a question on a connection that is free, on a thread that may block.
    pub(super) async fn ask<T, Q>(&self, question: Q) -> Result<T, Error>
    where
        T: Send + 'static,
        Q: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let turn = time::timeout(self.max_wait, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| Error::TooSlow)?.map_err(|_| Error::Closed)?;
        let idle = Arc::clone(&self.idle);
        // A task of its own: who asked may go away, but the connection must come back.
        let answer = answer(idle, self.max_wait, question);
        let answer = async {
            let answer = answer.await;
            drop(turn);
            answer
        };
        task::spawn(answer).await.map_err(|_| Error::Closed)?
    }
}

async fn answer<T, Q>(
    idle: Arc<Mutex<Vec<Connection>>>,
    max_wait: Duration,
    question: Q,
) -> Result<T, Error>
where
    T: Send + 'static,
    Q: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
{
    let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let connection = connection.ok_or(Error::Closed)?;
    let interrupt = connection.get_interrupt_handle();
    let mut asking = task::spawn_blocking(move || (question(&connection), connection));
    let mut is_late = false;
    let mut wait = max_wait;
    let asked = loop {
        match time::timeout(wait, &mut asking).await {
            Ok(asked) => break asked,
            Err(_) => {
                is_late = true;
                interrupt.interrupt();
                // An interrupt before the question has begun has no effect.
                wait = AGAIN;
            }
        }
    };
    let (answer, connection) = asked.map_err(|_| Error::Closed)?;
    idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    match answer {
        Err(_) if is_late => Err(Error::TooSlow),
        other => other.map_err(|error| Error::Refused(Arc::new(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOR_EVER: &str =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

    fn readers(folder: &tempfile::TempDir, max_wait: Duration) -> Readers {
        let path = folder.path().join("a.db");
        drop(schema::open_writer(&path, None).unwrap());
        Readers::open(&path, max_wait).unwrap()
    }

    #[tokio::test]
    async fn a_question_without_end_is_interrupted_and_its_connection_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let readers = readers(&folder, Duration::from_millis(1));
        for _ in 0..=CONNECTIONS {
            let answer = readers.ask(|sql| sql.query_row(FOR_EVER, [], |row| row.get::<_, i64>(0)));
            assert!(matches!(answer.await, Err(Error::TooSlow)));
        }
        let readers = Readers { max_wait: MAX_WAIT, ..readers };
        let answer = readers.ask(|sql| sql.query_row("SELECT 7", [], |row| row.get::<_, i64>(0)));
        assert_eq!(answer.await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_reader_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let answer =
            readers(&folder, MAX_WAIT).ask(|sql| sql.execute("DELETE FROM entries", [])).await;
        assert!(matches!(answer, Err(Error::Refused(_))));
    }
}
