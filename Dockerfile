# Syncline's image, with the service and the command line, on Debian 12. Build it with docker,
# podman or buildah:
#
#   docker build -t syncline:0.1.0 .
#   docker build --target test .            # runs the unit tests in the same environment
#
# The entry point is the command line, an Airbyte destination (spec, check, write). To run the
# service, and the target of a Singer tap:
#
#   docker run --entrypoint /usr/bin/syncline-server syncline:0.1.0 --help
#   docker run -i --entrypoint /usr/bin/target-syncline syncline:0.1.0 --config target.json
#
# The base image is pinned by point release; a digest would pin it exactly. To use another base:
# --build-arg BASE_IMAGE=...
ARG BASE_IMAGE=debian:12.15-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /src
# The packages change less often than the sources, so they have their own layer.
COPY scripts/setup scripts/setup
RUN scripts/setup
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY proto proto
COPY base base
COPY server server
COPY client client
RUN cmake --preset release -DSYNCLINE_BUILD_TESTS=OFF && \
    cmake --build --preset release --target syncline-server syncline
# Lists the packages that the binaries are linked with, by soname. The last stage installs only
# these and ca-certificates.
RUN install -D -s -t /out/usr/bin build/release/server/syncline-server build/release/client/syncline && \
    objdump -p /out/usr/bin/* | awk '$1 == "NEEDED" { print $2 }' | sort -u | \
    while read -r library; do dpkg -S "*/$library"; done | cut -d: -f1 | sort -u >/out/packages && \
    ln -s syncline /out/usr/bin/target-syncline

FROM build AS test
COPY . .
RUN scripts/test -L unit

FROM ${BASE_IMAGE} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
COPY --from=build /out/packages /tmp/packages
# Removes setuid and setgid bits, so that no program of the image can raise its caller's privileges.
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends ca-certificates </tmp/packages && \
    rm -rf /tmp/packages /var/lib/apt/lists/* /var/cache/apt/* /var/log/* && \
    find / -xdev -perm /6000 -type f -exec chmod a-s {} + && \
    groupadd --gid 10001 syncline && \
    useradd --uid 10001 --gid 10001 --home-dir / --no-create-home --shell /usr/sbin/nologin syncline
COPY --from=build /out/usr/bin /usr/bin
# The Airbyte platform requires this variable.
ENV AIRBYTE_ENTRYPOINT="/usr/bin/syncline"
LABEL io.airbyte.name="syncline/destination-syncline" \
      io.airbyte.version="${VERSION}" \
      org.opencontainers.image.title="Syncline" \
      org.opencontainers.image.description="Loads streams of records into PostgreSQL, exactly once" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# A numeric user lets Kubernetes verify that it is not root. The programs do not write to the root
# file system.
USER 10001:10001
# Ports of gRPC and metrics.
EXPOSE 50051 9464
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/syncline"]
