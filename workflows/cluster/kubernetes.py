"""A raster in the pods of Kubernetes, by the operator of dask. All pods write to one bucket, or to one shared volume.

python workflows/cluster/kubernetes.py IMAGE s3://bucket/alps.zarr
"""

import sys

from dask.distributed import Client
from dask_kubernetes.operator import KubeCluster

import rangegeo as rg


def cluster(image: str) -> KubeCluster:
    """Ten pods. The image holds rangegeo[distributed], in the versions that are installed here."""
    return KubeCluster(name="rangegeo", image=image, n_workers=10, env={"OMP_NUM_THREADS": "4"})


def main(image: str, path: str) -> None:
    with cluster(image) as pods, Client(pods):
        cube = rg.raster((5, 44, 10, 48), res=0.01, betas=(0, 0.5, 1))
        cube.rangegeo.to_zarr(path, resume=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
