# The image of `make image`, where Docker is: docker build -t kastellan . (BuildKit, any processor)
FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev make perl
WORKDIR /kastellan
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/kastellan/target \
    RUSTFLAGS="--remap-path-prefix=/usr/local/cargo=/cargo" cargo build --profile dist --locked --bin kastellan \
    && cp target/dist/kastellan /kastellan.bin

FROM scratch
COPY --from=build /kastellan.bin /kastellan
USER 65532:65532
ENTRYPOINT ["/kastellan"]
