# Two stages: the program is built by the pinned toolchain, and lies alone in an image without a shell, as a user
# that is not root. The final image has glibc, libgcc and the roots of TLS, and nothing else.
FROM rust:1.95.0-slim-bookworm AS build
# The allocator is built by make, which the image of the toolchain lacks.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --locked --profile dist --bin drift2parquet

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/dist/drift2parquet /usr/local/bin/drift2parquet
ENTRYPOINT ["/usr/local/bin/drift2parquet"]
CMD ["--help"]
