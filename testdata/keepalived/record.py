#!/usr/bin/env python3
"""Records what a keepalived says of files: unshare -n python3 record.py KEEPALIVED FILE... > more-2.4.3.tsv

As root, in a network namespace of its own, which gets interfaces eth0 (192.168.200.2/24) and eth1. Rows as in
probes-2.4.3.tsv: case, exit code, lines joined by ' | ', the file with its line ends escaped.
"""
import os
import subprocess
import sys


def run(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


run("ip", "link", "set", "lo", "up")
for name in ("eth0", "eth1"):
    run("ip", "tuntap", "add", "dev", name, "mode", "tap")
    run("ip", "link", "set", name, "up")
run("ip", "addr", "add", "192.168.200.2/24", "dev", "eth0")
for path in sorted(sys.argv[2:]):
    case = os.path.basename(path).removesuffix(".conf")
    said = run(sys.argv[1], "-t", "-f", path)
    lines = [line for line in said.stdout.splitlines() if line and "libkmod" not in line]
    text = " | ".join(lines).replace(path, case + ".conf")
    escaped = open(path).read().replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
    print(case, said.returncode, text, escaped, sep="\t")
