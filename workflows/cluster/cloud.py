"""A raster on machines of a cloud that are rented for it, here of AWS. They write to a bucket.

python workflows/cluster/cloud.py IMAGE s3://bucket/alps.zarr
"""

import sys

from dask.distributed import Client
from dask_cloudprovider.aws import EC2Cluster

import rangegeo as rg


def cluster(image: str) -> EC2Cluster:
    """Four machines. The image holds rangegeo[distributed], in the versions that are installed here."""
    return EC2Cluster(instance_type="c7i.2xlarge", n_workers=4, docker_image=image, env_vars={"OMP_NUM_THREADS": "8"})


def main(image: str, path: str) -> None:
    with cluster(image) as machines, Client(machines):
        cube = rg.raster((5, 44, 10, 48), res=0.01, betas=(0, 0.5, 1))
        cube.rangegeo.to_zarr(path, resume=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
