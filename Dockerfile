# One image for all roles: docker run IMAGE router | subgraph patients | storage | migrate | …
FROM rust:1.97-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --package healthbridge && cp target/release/healthbridge /healthbridge

FROM debian:bookworm-slim
# curl is there for the health checks of compose files, the fonts for letters in scripts that the program has none for.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates curl fonts-noto-core fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/healthbridge --create-home healthbridge
COPY --from=build /healthbridge /usr/local/bin/healthbridge
COPY LICENSE /usr/share/doc/healthbridge/
USER 10001
ENTRYPOINT ["healthbridge"]
