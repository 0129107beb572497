# Two images with one static binary in each: time zones and certificate authorities are compiled in.
#
#   docker build --target binary -t shipgate:0.1.0-binary .   # nothing else inside: Jobs, Argo, Tekton steps
#   docker build -t shipgate:0.1.0 .                          # with a shell, git and ssh: CI systems
#
# The binary alone cannot use SSH addresses and bare paths with hooks, for which it starts `git`.
FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev make
WORKDIR /sources
COPY Cargo.toml Cargo.lock build.rs ./
COPY src ./src
# What `init` writes is made of them.
COPY policies ./policies
COPY examples ./examples
# Named in Cargo.toml, so that cargo wants to see them.
COPY benches ./benches
RUN cargo build --locked --profile dist --bin shipgate \
    && cp target/dist/shipgate /shipgate \
    && /shipgate --version

FROM scratch AS binary
COPY --from=build /shipgate /shipgate
# A folder for temporary files that the user below may write to.
COPY --from=build --chown=65532:65532 --chmod=1777 /tmp /tmp
USER 65532:65532
ENTRYPOINT ["/shipgate"]

FROM alpine:3.22
RUN apk add --no-cache bash git openssh-client \
    && adduser -D -u 65532 shipgate
COPY --from=build /shipgate /usr/local/bin/shipgate
USER 65532:65532
ENTRYPOINT ["shipgate"]
