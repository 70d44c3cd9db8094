#!/usr/bin/env python3
"""copytruncate_loss.py - how many lines a log shipper loses when logrotate copies and truncates.

It starts a PostgreSQL server that appends to one log file, as Debian's packages do, with session and
line numbers in the prefix; lets pgbench write to the log at a rate; runs the real logrotate with
copytruncate every few seconds; takes what the agent sends; and counts, session by session, which line
numbers never came.  Lines written between the end of the copy and the truncation are in no file any
more, so a number above zero is expected at high rates: the question is how small it is, and whether
the agent's own account of missing lines names the same number.

    copytruncate_loss.py --agent target/release/pgcourier --rate 8000 --rotations 10

Needs PostgreSQL's server programs and pgbench (--bin), logrotate, and a user to run the server as.
Python 3.9+, standard library only.  Loopback only.
"""
import argparse, collections, grp, http.server, json, os, pwd, shutil, signal, socket, subprocess, sys, tempfile
import threading, time

CONFIG = """[collection]
log_path = "{log}"
log_line_prefix = "%m [%p] %c %l %q%u@%d "
start_at = "beginning"
[listener]
url = "http://127.0.0.1:{port}"
api_key = "copytruncate"
compression = "none"
[buffer]
path = "{state}"
"""

ROTATE = """"{log}" {{
    rotate 20
    copytruncate
    {compress}
    missingok
    su {user} {group}
}}
"""


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen = collections.defaultdict(lambda: collections.Counter())
    health = {}
    entries = 0

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if body["source"] == "pg_log":
            for entry in body["data"]["entries"]:
                Receiver.entries += 1
                if "session_id" in entry:
                    Receiver.seen[entry["session_id"]][entry["line_num"]] += 1
        elif body["source"] == "agent_health":
            Receiver.health = body["data"]
        answer = json.dumps({"success": True, "row_id": 1, "source": body["source"]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--agent", required=True, help="the pgcourier program")
    p.add_argument("--bin", default="/usr/lib/postgresql/15/bin", help="PostgreSQL's programs")
    p.add_argument("--user", default="postgres", help="runs the server where this is root")
    p.add_argument("--rate", type=int, default=8000, help="log lines a second")
    p.add_argument("--clients", type=int, default=4)
    p.add_argument("--rotations", type=int, default=10)
    p.add_argument("--interval", type=float, default=5, help="seconds between rotations")
    p.add_argument("--compress", default="nocompress", help="nocompress, compress or 'compress\\ndelaycompress'")
    p.add_argument("--max-lost", type=int, help="exit 1 where a rotation loses more on average")
    a = p.parse_args()
    user = pwd.getpwnam(a.user if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name)
    as_user = ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"] if os.getuid() == 0 else []
    work = tempfile.mkdtemp(prefix="copytruncate-")
    os.chown(work, user.pw_uid, user.pw_gid)
    os.chmod(work, 0o755)
    data, log, state = (os.path.join(work, x) for x in ("data", "log", "state"))
    os.mkdir(log, 0o755)
    os.chown(log, user.pw_uid, user.pw_gid)
    log = os.path.join(log, "postgresql-15-main.log")
    env = {**os.environ, "LC_ALL": "C", "PGHOST": work, "PGDATABASE": "postgres", "PGUSER": "postgres"}
    quiet = dict(check=True, stdout=subprocess.DEVNULL, env=env, cwd=work)
    subprocess.run(as_user + [a.bin + "/initdb", "-D", data, "-U", "postgres", "-A", "trust"], **quiet)
    with open(os.path.join(data, "postgresql.auto.conf"), "a") as f:
        f.write("listen_addresses=''\nunix_socket_directories='%s'\nfsync=off\nlogging_collector=off\n"
                "log_line_prefix='%%m [%%p] %%c %%l %%q%%u@%%d '\nlog_min_duration_statement=0\n"
                "log_checkpoints=off\nlog_timezone=UTC\n" % work)
    port = free_port()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    out = open(log, "ab")
    os.chown(log, user.pw_uid, user.pw_gid)
    postgres = subprocess.Popen(as_user + [a.bin + "/postgres", "-D", data], stdout=out, stderr=out, cwd=work)
    out.close()
    agent = bench = None
    try:
        for _ in range(100):
            if subprocess.run([a.bin + "/pg_isready", "-q"], env=env).returncode == 0:
                break
            time.sleep(0.1)
        subprocess.run(as_user + ["pgbench", "-i", "-q", "-s", "1"], stderr=subprocess.DEVNULL, **quiet)
        config = os.path.join(work, "agent.toml")
        with open(config, "w") as f:
            f.write(CONFIG.format(log=log, port=port, state=state))
        rotate = os.path.join(work, "rotate.conf")
        with open(rotate, "w") as f:
            f.write(ROTATE.format(log=log, compress=a.compress.replace("\\n", "\n    "), user=user.pw_name, group=grp.getgrgid(user.pw_gid).gr_name))
        agent = subprocess.Popen([a.agent, "run", "-c", config], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=open(os.path.join(work, "agent.log"), "wb"))
        time.sleep(1)
        seconds = int(a.rotations * a.interval + 3)
        script = os.path.join(work, "one.sql")
        with open(script, "w") as f:
            f.write("SELECT abalance FROM pgbench_accounts WHERE aid = 1;\n")
        bench = subprocess.Popen(as_user + ["pgbench", "-n", "-f", script, "-c", str(a.clients), "-j", "2", "-R", str(a.rate), "-T", str(seconds)],
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, cwd=work, text=True)
        copies = 0
        for _ in range(a.rotations):
            time.sleep(a.interval)
            subprocess.run(["logrotate", "-f", "-s", os.path.join(work, "status"), rotate], check=True)
            copies += 1
        told, _ = bench.communicate()
        before = -1
        while Receiver.entries != before:
            before = Receiver.entries
            time.sleep(3)
        time.sleep(11)  # the agent tells how it is each 10 s
    finally:
        for process, how in ((bench, signal.SIGTERM), (agent, signal.SIGTERM), (postgres, signal.SIGINT)):
            if process and process.poll() is None:
                process.send_signal(how)
                process.wait(20)
    lost, doubled, sessions, gaps = 0, 0, 0, []
    for session, numbers in Receiver.seen.items():
        sessions += 1
        last = 0
        for number in sorted(numbers):
            if number != last + 1:
                gaps.append([session, last + 1, number - 1])
                lost += number - 1 - last
            last = number
        doubled += sum(n - 1 for n in numbers.values())
    rate = [line for line in told.splitlines() if "tps" in line]
    result = {"rotations": copies, "lines": Receiver.entries, "lost": lost, "lost_per_rotation": round(lost / max(copies, 1), 1),
              "doubled": doubled, "sessions": sessions, "gaps": gaps[:50], "told": rate, "missed": Receiver.health.get("ledger", {}).get("missed")}
    print(json.dumps(result))
    shutil.copy(os.path.join(work, "agent.log"), os.path.join(tempfile.gettempdir(), "copytruncate-agent.log"))
    shutil.rmtree(work)
    return 1 if a.max_lost is not None and (doubled or lost > a.max_lost * copies) else 0


if __name__ == "__main__":
    sys.exit(main())
