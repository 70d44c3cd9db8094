//! Shows the page with made-up data: `cargo run -p listener --example page`.
//!
//! One batch comes in each second, so that the page is seen alive.

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

mod data;

use std::{error::Error, net::SocketAddr, time::Duration};

use jiff::{SignedDuration, Timestamp};
use listener::{Config, Server};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time,
};
use uuid::Uuid;

/// How many batches there are before the first second.
const HISTORY: i64 = 40;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut config = Config::default();
    config.server.listen = args.next().unwrap_or_else(|| "127.0.0.1:8443".to_owned());
    config.store.path =
        args.next().unwrap_or_else(|| "/tmp/pgcourier-page/listener.db".to_owned()).into();
    config.projects.entry("shop".to_owned()).or_default().key = Some("key-of-shop".into());
    config.projects.entry("warehouse".to_owned()).or_default().key = Some("key-of-wh".into());
    let server = Server::bind(&config)?;
    let address = server.local_addr();
    println!("http://{address}/");
    tokio::spawn(async move {
        if let Err(error) = send_for_ever(address).await {
            println!("stopped sending: {error}");
        }
    });
    server.run(std::future::pending()).await?;
    Ok(())
}

async fn send_for_ever(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    for second in -HISTORY.. {
        let ago = SignedDuration::from_secs(if second < 0 { 7 * second } else { 0 });
        let now = Timestamp::now().checked_add(ago)?;
        let (project, key) =
            if second % 5 == 0 { ("warehouse", "key-of-wh") } else { ("shop", "key-of-shop") };
        let entries = data::entries(second.unsigned_abs(), now);
        let batch = json!({"id": Uuid::now_v7(), "agent": format!("db-{project}-1"),
            "file": "/var/log/postgresql/postgresql-15-main.log", "start": 0, "end": 4711});
        let data = json!({"entries": entries, "count": entries.len(), "batch": batch});
        post(address, key, "pg_log", &data).await?;
        if second % 3 == 0 {
            post(
                address,
                "key-of-shop",
                "agent_health",
                &data::health("db-shop-1", 184_220 + second),
            )
            .await?;
        }
        if second == -HISTORY {
            post(address, "key-of-wh", "agent_health", &data::ill_health()).await?;
        }
        if second >= 0 {
            time::sleep(Duration::from_secs(1)).await;
        }
    }
    Ok(())
}

async fn post(
    address: SocketAddr,
    key: &str,
    source: &str,
    data: &Value,
) -> Result<(), Box<dyn Error>> {
    let body = json!({"project": "shop", "timestamp": Timestamp::now().as_second(), "source": source, "data": data});
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "POST /ingest/postgres HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Authorization: Bearer {key}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    if answer.starts_with("HTTP/1.1 200 ") { Ok(()) } else { Err(answer.into()) }
}
