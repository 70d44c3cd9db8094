//! A throw-away PostgreSQL server.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::eventually;

/// A server with its data in a folder of its own, on a Unix-domain socket, ended when dropped.
pub(crate) struct Postgres {
    server: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Postgres {
    /// Makes a cluster with these settings and starts it.
    pub(crate) fn start(settings: &str) -> Self {
        Self::start_on(5432, settings)
    }

    /// The same, with this port.
    pub(crate) fn start_on(port: u16, settings: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("pgc").tempdir_in("/tmp").unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let data = folder.path().join("data");
        let initialized = command("initdb")
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D"])
            .arg(&data)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(initialized.success(), "initdb failed");
        let all = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nlogging_collector = on\n\
             log_file_mode = 0644\nlog_timezone = 'UTC'\nfsync = off\nport = {port}\n{settings}",
            folder.path().display()
        );
        let file = data.join("postgresql.auto.conf");
        fs::write(&file, all).unwrap();
        let server = command("postgres")
            .arg("-D")
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { server, folder, port };
        eventually("the server accepts connections", || server.psql("SELECT 1"));
        fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
        server
    }

    pub(crate) fn log_folder(&self) -> PathBuf {
        self.folder.path().join("data/log")
    }

    pub(crate) fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the only value of a query's answer.
    pub(crate) fn ask(&self, sql: &str) -> String {
        let mut psql = self.client("psql");
        let answer = psql.args(["-X", "-A", "-t", "-c", sql]).stdout(Stdio::piped()).output();
        String::from_utf8(answer.unwrap().stdout).unwrap().trim().to_owned()
    }

    /// Runs SQL, errors and all. False where the server cannot be reached.
    pub(crate) fn psql(&self, sql: &str) -> bool {
        let status = self.client("psql").args(["-X", "-q", "-c", sql]).status().unwrap();
        status.code() != Some(2)
    }

    pub(crate) fn pgbench(&self, args: &[&str]) {
        let status = self.client("pgbench").args(args).status().unwrap();
        assert!(status.success(), "pgbench failed");
    }

    fn client(&self, program: &str) -> Command {
        let mut client = command(program);
        client
            .env("PGHOST", self.folder.path())
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", "postgres")
            .env("PGDATABASE", "postgres")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        client
    }

    /// Stops the server; what it says last is in its log.
    pub(crate) fn stop(&mut self) {
        let pid = self.server.id().to_string();
        let _gone_already = Command::new("kill").args(["-s", "INT", &pid]).status();
        let _reaped = self.server.wait();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A program of the server's. A server refuses to run as root, so root runs it as postgres.
fn command(program: &str) -> Command {
    let folders =
        ["/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/17/bin"];
    let named = env::var_os("PGCOURIER_PG_BIN").map(PathBuf::from);
    let folder = named
        .or_else(|| folders.iter().map(PathBuf::from).find(|folder| folder.join("initdb").exists()))
        .expect(
            "a PostgreSQL server is needed: apt-get install postgresql, or set PGCOURIER_PG_BIN",
        );
    let program = folder.join(program);
    let is_root = fs::metadata("/proc/self")
        .is_ok_and(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata) == 0);
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
    command.current_dir(Path::new("/"));
    command
}
