#!/usr/bin/env python3
"""What it costs to watch logs in which nothing happens: processor time, wake-ups, memory.

    tools/idle_cost.py --agent target/release/pgcourier [--files 500] [--seconds 60]

Starts the agent on a folder of its own with so many logs and a listener on loopback that takes
everything, lets it settle, and then reads what the kernel counts of its threads in /proc.
"""

import argparse
import http.server
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

# Until the files are found and the first look at the listener is over.
SETTLE_SECONDS = 15

ANSWER = b'{"success":true}'


class Listener(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_):
        pass


def write_logs(folder, count):
    folder.mkdir()
    for number in range(count):
        lines = (
            f"2026-11-24 10:00:{line:02d}.123 UTC [{number + 1}] LOG:  hello {line}\n"
            for line in range(20)
        )
        # Names that are no rotated files of each other.
        name = f"server-{chr(ord('a') + number % 26)}{number:03d}x.log"
        (folder / name).write_text("".join(lines))


def threads_of(pid):
    """Seconds on a processor and voluntary switches of each thread."""
    found = {}
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        name = (thread / "comm").read_text().strip()
        seconds = int((thread / "schedstat").read_text().split()[0]) / 1e9
        status = (thread / "status").read_text().splitlines()
        switches = next(line for line in status if line.startswith("voluntary_ctxt_switches"))
        found[thread.name] = (name, seconds, int(switches.split()[1]))
    return found


def resident_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) / 1024


def measure(agent, folder, files, seconds):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    write_logs(folder / "log", files)
    config = folder / "agent.toml"
    config.write_text(
        f'[collection]\nlog_path = "{folder}/log/"\nstart_at = "end"\n'
        f'[listener]\nurl = "http://127.0.0.1:{server.server_port}"\napi_key = "idle"\n'
        f'[buffer]\npath = "{folder}/buffer"\n'
    )
    with open(folder / "agent.log", "wb") as log:
        running = subprocess.Popen([agent, "run", "-c", config], stdout=log, stderr=log)
    try:
        time.sleep(SETTLE_SECONDS)
        if running.poll() is not None:
            sys.exit((folder / "agent.log").read_text())
        before = threads_of(running.pid)
        time.sleep(seconds)
        after = threads_of(running.pid)
        return before, after, resident_mib(running.pid)
    finally:
        running.terminate()
        running.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agent", required=True, help="the program pgcourier")
    parser.add_argument("--files", type=int, default=500, help="how many logs (default: 500)")
    parser.add_argument("--seconds", type=int, default=60, help="how long (default: 60)")
    args = parser.parse_args()
    agent = os.path.abspath(args.agent)
    with tempfile.TemporaryDirectory() as folder:
        before, after, mib = measure(agent, pathlib.Path(folder), args.files, args.seconds)
    total_seconds = total_switches = 0
    for thread, (name, seconds, switches) in sorted(after.items()):
        _, seconds_before, switches_before = before.get(thread, (name, 0, 0))
        seconds, switches = seconds - seconds_before, switches - switches_before
        total_seconds += seconds
        total_switches += switches
        print(f"{name:<16}{seconds:>9.4f} CPU s{switches:>7} switches")
    print(
        f"{args.files} files, {args.seconds} s: {total_seconds:.4f} CPU s, "
        f"{100 * total_seconds / args.seconds:.3f} % of a core, "
        f"{total_switches / args.seconds:.1f} switches a second, {mib:.1f} MiB resident"
    )


if __name__ == "__main__":
    main()
