"""A whole `describe`, with the embedded model, in a process that ends as soon as it turns to another machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TURNED_OUT = 97
LISTENING = f"""
import ipaddress, os, runpy, sys

def is_local(host):
    try:
        return host in (None, "", "localhost", b"localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

def hear(event, told):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = told[1]  # a path or None where it is no internet address
        host = address[0] if isinstance(address, tuple) else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = told[0]
    else:
        return
    if not is_local(host):
        print(event, host, file=sys.stderr, flush=True)
        os._exit({TURNED_OUT})

sys.addaudithook(hear)
"""
"""Of what the interpreter sees (PEP 578); an audit hook cannot be taken away again, hence the process of its own."""


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In the surroundings of a user, without the switches that keep libraries offline."""
    said = {name: value for name, value in os.environ.items() if not name.endswith("_OFFLINE")}
    command = [sys.executable, "-c", LISTENING + code, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**said, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )


def test_describe_needs_no_other_machine(tmp_path: Path) -> None:
    call = 'runpy.run_module("vlmdiff", run_name="__main__", alter_sys=True)'
    done = python(call, "describe", "examples/a", "examples/b", "--json", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "verified" in {finding["verdict"] for finding in json.loads(done.stdout)["findings"]}
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_turning_to_another_machine_would_be_noticed() -> None:
    near = 'import socket; s = socket.socket(); s.settimeout(1); s.connect_ex(("127.0.0.1", 9)); print("near")'
    done = python(near)
    assert (done.returncode, done.stdout) == (0, "near\n"), done.stderr
    reserved = near.replace("127.0.0.1", "192.0.2.1")  # for documentation, RFC 5737
    for code in (reserved, 'import urllib.request; urllib.request.urlopen("http://example.invalid")'):
        assert python(code).returncode == TURNED_OUT
