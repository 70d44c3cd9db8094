//! SIGTERM, SIGINT and SIGHUP.

use std::{io, process, thread};

use agent::shutdown::Shutdown;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Requests the shutdown at the first SIGTERM or SIGINT. The second one ends the process at once, which
/// is as safe: whatever is not stored is read again.
///
/// # Errors
/// Where the signals cannot be watched.
pub(crate) fn watch(shutdown: Shutdown) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut terminate, mut interrupt) = {
        let _context = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            first_of(&mut terminate, &mut interrupt).await;
            tracing::info!("stopping; a second signal ends it at once");
            shutdown.request();
            first_of(&mut terminate, &mut interrupt).await;
            process::exit(1);
        });
    })?;
    Ok(())
}

/// Calls `reload` at each SIGHUP.
///
/// # Errors
/// Where the signal cannot be watched.
pub(crate) fn watch_reload(reload: impl Fn() + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut hang_up = {
        let _context = runtime.enter();
        signal(SignalKind::hangup())?
    };
    thread::Builder::new().name("reload".to_owned()).spawn(move || {
        runtime.block_on(async {
            while hang_up.recv().await.is_some() {
                reload();
            }
        });
    })?;
    Ok(())
}

async fn first_of(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
