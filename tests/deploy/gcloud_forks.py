"""The real gcloud, run again and again in forks of a process that has loaded it.

Loading takes most of the time of a call. gcloud's own Python runs this, which has nothing of ours.
Arguments: gcloud's program, and the path of a socket. Each order that comes by the socket brings
the arguments, the directory, the environment and the three files of a call; the answer is the exit
code. It ends with its input.
"""

import json
import os
import runpy
import socket
import sys
from importlib import import_module
from select import select

program, path = sys.argv[1:]
os.environ["CLOUDSDK_PYTHON_ARGS"] = "-S"  # what gcloud makes of it when nobody has set it
ours = dict(os.environ)
runpy.run_path(program, run_name="loaded")
import_module("googlecloudsdk.gcloud_main")
with socket.socket(socket.AF_UNIX) as listening:
    listening.bind(path)
    listening.listen()
    while sys.stdin not in select([listening, sys.stdin], [], [])[0]:
        caller, _ = listening.accept()
        with caller:
            order, files, *_ = socket.recv_fds(caller, 1 << 16, 3)
            while more := caller.recv(1 << 16):
                order += more
            pid = os.fork()
            if not pid:
                arguments, directory, environment = json.loads(order)
                os.chdir(directory)
                os.environ.clear()
                os.environ.update(ours | environment)
                for number, file in enumerate(files):
                    os.dup2(file, number)
                sys.argv = [program, *arguments]
                runpy.run_path(program, run_name="__main__")
                sys.exit()
            for file in files:
                os.close(file)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            caller.sendall(str(code).encode())
