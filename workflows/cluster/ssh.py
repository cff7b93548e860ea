"""A raster on machines that ssh reaches without a password. The folder of the output must be on all of them.

python workflows/cluster/ssh.py /shared/alps.zarr HOST HOST ...
"""

import sys

from dask.distributed import Client, SSHCluster

import rangegeo as rg


def cluster(hosts: list[str]) -> SSHCluster:
    """One worker on each host; the first host runs the scheduler too. It needs the package asyncssh."""
    return SSHCluster([hosts[0], *hosts], worker_options={"nthreads": 4}, remote_python=sys.executable)


def main(path: str, *hosts: str) -> None:
    with cluster(list(hosts)) as machines, Client(machines):
        cube = rg.raster((5, 44, 10, 48), res=0.01, betas=(0, 0.5, 1))
        cube.rangegeo.to_zarr(path, resume=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
