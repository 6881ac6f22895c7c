"""Traps of bench.starts: kill -9 of the last run, or of a part of this one."""

from __future__ import annotations

import os
import signal
import subprocess

import psutil

from bench.started import Ground, Situate, SkippedError, cluster, eventually, family, kill, ready

LONG = 300  # pages: work that is not done when it is looked at
KEPT = "first.pdf ready, second.pdf ready"


def _at_work(ground: Ground) -> Situate:
    """A server with one document that is ready, and another whose work has begun."""
    one = ground.serve()
    ground.run("ingest", ground.pdf("first.pdf"))
    ground.hand_in(ground.pdf("second.pdf", LONG))
    eventually(lambda: "begun" in one.told().rpartition("ready")[2], otherwise="no worker began")
    return one


def _start_again(ground: Ground) -> str:
    one = ground.serve()
    seconds = ground.until_listed(KEPT)
    one.stop()
    assert not cluster(ground.folder), "a Postgres is left"
    return f"the next start was ready, {KEPT} after {seconds:.0f} s"


def web_killed(ground: Ground) -> str:
    """`serve` killed with -9 during work"""
    one = _at_work(ground)
    worker = one.worker()
    kill(one.process.pid)
    one.process.wait()
    seconds = eventually(lambda: not psutil.pid_exists(worker) and not cluster(ground.folder), otherwise="its worker or Postgres is left")
    return f"its worker gave the work back and stopped Postgres within {seconds:.0f} s; {_start_again(ground)}"


def worker_killed(ground: Ground) -> str:
    """Its worker killed with -9 during work"""
    one = _at_work(ground)
    kill(one.worker())
    seconds = ground.until_listed(KEPT)
    assert one.answers()
    return f"serve started another, {KEPT} after {seconds:.0f} s"


def postmaster_killed(ground: Ground) -> str:
    """The postmaster killed with -9 during work"""
    one = _at_work(ground)
    before = cluster(ground.folder)
    kill(before[0])
    eventually(lambda: (now := cluster(ground.folder)) and now[0] != before[0] and one.answers())
    return f"started again by a process that lasts, pages answer, {KEPT} after {ground.until_listed(KEPT):.0f} s"


def cluster_killed(ground: Ground) -> str:
    """Every process of Postgres killed with -9 during work"""
    one = _at_work(ground)
    kill(*cluster(ground.folder))
    eventually(one.answers)
    return f"started again by a process that lasts, pages answer, {KEPT} after {ground.until_listed(KEPT):.0f} s"


def users_killed(ground: Ground) -> str:
    """Web and worker killed with -9 at once, Postgres left alone"""
    one = _at_work(ground)
    before = cluster(ground.folder)[0]
    kill(*family(one))
    one.process.wait()
    assert cluster(ground.folder)[0] == before, "Postgres ended"
    told = _start_again(ground)
    return f"Postgres stayed, on no network; {told} and stopped Postgres as the last to leave"


def all_killed(ground: Ground) -> str:
    """Web, worker and Postgres killed with -9 at once"""
    one = _at_work(ground)
    kill(*family(one), *cluster(ground.folder))
    one.process.wait()
    return _start_again(ground)


def parts_apart(ground: Ground) -> str:
    """`web` and `worker` apart: Postgres killed, then `web` killed, all with -9"""
    web = ground.serve(command="web")
    worker = ground.launch("worker")
    ground.run("ingest", ground.pdf("first.pdf"))
    kill(*cluster(ground.folder))
    eventually(web.answers)
    kill(web.process.pid)
    kill(*cluster(ground.folder))  # only the worker is left to notice
    eventually(lambda: cluster(ground.folder), otherwise="the worker did not start Postgres again")
    ground.hand_in(ground.pdf("second.pdf"))
    ground.until_listed(KEPT)
    worker.stop()
    assert worker.process.returncode == 0
    assert not cluster(ground.folder), "a Postgres is left"
    return f"started again by either, {KEPT}; the worker, the last to leave, stopped it"


def two_at_once(ground: Ground) -> str:
    """Two first starts of one home at once"""
    both = [ground.launch("web", "--port", "8501") for _ in range(2)]
    for one in both:
        ready(one)
    masters = [pid for pid in cluster(ground.folder) if psutil.Process(pid).ppid() not in cluster(ground.folder)]
    assert len(masters) == 1, f"{len(masters)} postmasters"
    both[0].stop()
    assert both[1].answers(), "the second lost its database with the first"
    both[1].stop()
    assert not cluster(ground.folder), "a Postgres is left"
    return "both ready, on two ports, one Postgres; the first to stop left it to the second, which stopped it"


def pid_of_another(ground: Ground) -> str:
    """postmaster.pid and the socket's lock hold the number of somebody else's process"""
    ground.serve().stop()
    root = ground.home / "postgres"
    owner = (root / "data").stat()
    with subprocess.Popen(["sleep", "600"], user=owner.st_uid, group=owner.st_gid) as stranger:
        (root / "data" / "postmaster.pid").write_text(
            f"{stranger.pid}\n{root / 'data'}\n1700000000\n5432\n{root / 'run'}\n\n  0 0\nready   \n"
        )
        (root / "run" / ".s.PGSQL.5432.lock").write_text(f"{stranger.pid}\n")
        one = ground.serve()
        answers, lives = one.answers(), stranger.poll() is None
        one.stop()
        lives = lives and stranger.poll() is None
        stranger.kill()
    assert answers
    assert lives, "somebody else's process was ended"
    return "ready; the other process was left alone"


def stopped_at_work(ground: Ground) -> str:
    """SIGTERM to `serve` during work"""
    one = _at_work(ground)
    seconds = one.stop()
    assert one.process.returncode == 0, f"exit code {one.process.returncode}"
    assert not cluster(ground.folder), "a Postgres is left"
    return f"exit code 0 after {seconds:.1f} s; {_start_again(ground)}"


def pid_one(ground: Ground) -> str:
    """`web` and `worker` each as process 1 of a container, SIGTERM during work"""
    if os.geteuid() != 0:
        raise SkippedError("a process namespace needs root")
    ground.serve().stop()
    ground.within = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    web = ready(ground.launch("web", "--port", "0"))
    worker = ground.launch("worker")
    ground.hand_in(ground.pdf("second.pdf", LONG))
    eventually(lambda: "begun" in worker.told())
    told = []
    for name, one in (("worker", worker), ("web", web)):
        inner = psutil.Process(one.process.pid).children()[0]
        left = [child.pid for child in inner.children(recursive=True) if child.status() == psutil.STATUS_ZOMBIE]
        inner.send_signal(signal.SIGTERM)
        seconds = eventually(lambda one=one: one.process.poll() is not None)  # type: ignore[misc]
        told.append(f"{name}: exit code {one.process.returncode} after {seconds:.1f} s, {len(left)} zombies before")
    return "; ".join(told)


TRAPS = (
    web_killed,
    worker_killed,
    postmaster_killed,
    cluster_killed,
    users_killed,
    all_killed,
    parts_apart,
    two_at_once,
    pid_of_another,
    stopped_at_work,
    pid_one,
)
