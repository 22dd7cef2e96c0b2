# syntax=docker/dockerfile:1
# Sextant on one machine, as an image: the program `sextant` and nothing else. compose.yaml runs it.
#
#   docker build --tag sextant .
#
# All data is in the volume /data, in a folder of their own, which a restore can rename. The root file system can be
# read-only. No secret is an argument of the build or part of a layer: settings such as ALPHA_VANTAGE_API_KEY are given to
# the container.

# The Rust version that Cargo.toml requires. A test compares them.
ARG RUST_VERSION=1.95.0

FROM rust:${RUST_VERSION}-slim-bookworm AS build
# The image has this toolchain only. Without the variable rustup would fetch the one that rust-toolchain.toml names, with
# tools that a build does not need.
ARG RUST_VERSION
ENV RUSTUP_TOOLCHAIN=${RUST_VERSION}
WORKDIR /src
COPY . .
# The caches belong to the builder and are not part of a layer.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --package gateway --bin sextant \
    && install -D --mode=0755 target/release/sextant /image/usr/local/bin/sextant \
    && install --directory --mode=0700 /image/data

# The C library that the program was built with, certificates, time zones, and no shell. Its user `nonroot` is 65532.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="Sextant" \
      org.opencontainers.image.description="A serverless investment platform, on one machine" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /image/usr/local/bin/sextant /usr/local/bin/sextant
# A new volume gets its owner and its mode from this folder.
COPY --from=build --chown=65532:65532 /image/data /data
# A container has its own loopback address, which no published port reaches.
ENV SEXTANT_BIND=0.0.0.0 \
    SEXTANT_HOME=/data/home \
    PORT=8080
USER 65532:65532
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=6s --start-period=30s --retries=3 CMD ["/usr/local/bin/sextant", "health"]
ENTRYPOINT ["/usr/local/bin/sextant"]
CMD ["serve"]
