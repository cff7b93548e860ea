"""A raster on the nodes of SLURM, ten jobs of eight cores each. The folder of the output must be on all nodes.

python workflows/cluster/slurm.py /shared/alps.zarr
"""

import sys

from dask.distributed import Client
from dask_jobqueue import SLURMCluster

import rangegeo as rg


def cluster(**options: object) -> SLURMCluster:
    return SLURMCluster(
        cores=8,
        processes=1,
        memory="16GB",
        walltime="01:00:00",
        job_script_prologue=["export OMP_NUM_THREADS=8 HF_HUB_OFFLINE=1"],
        **options,
    )


def main(path: str) -> None:
    with cluster() as jobs, Client(jobs):
        jobs.scale(jobs=10)
        cube = rg.raster((5, 44, 10, 48), res=0.01, betas=(0, 0.5, 1))
        cube.rangegeo.to_zarr(path, resume=True)  # the same line goes on if the jobs are over before the raster is


if __name__ == "__main__":
    main(sys.argv[1])
