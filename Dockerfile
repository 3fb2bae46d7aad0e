# The daemon and the command line tool on Debian 12.
#
#   docker build -t perdure .
#   docker run -p 7480:7480 -p 7481:7481 -v perdure-data:/var/lib/perdure perdure
FROM debian:12 AS build
WORKDIR /src
COPY deploy/install-deps.sh deploy/
RUN deploy/install-deps.sh
COPY . .
RUN cmake --preset release -DPERDURE_TESTS=OFF \
 && cmake --build build/release --target perdured perdure \
 && strip build/release/bin/perdured build/release/bin/perdure

FROM debian:12-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      libabsl20220623 libbz2-1.0 libcpp-httplib0.11 libgflags2.2 libgrpc++1.51 libjemalloc2 liblz4-1 libprometheus-cpp-core1.0 \
      libprotobuf32 libsnappy1v5 libspdlog1.10 libyaml-cpp0.7 libzstd1 zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 7480 --home-dir /var/lib/perdure --create-home perdure
COPY --from=build /src/build/release/bin/perdured /src/build/release/bin/perdure /usr/bin/
USER perdure
VOLUME /var/lib/perdure
EXPOSE 7480 7481
STOPSIGNAL SIGTERM
# There is no authentication: publish the ports to networks you trust only.
ENTRYPOINT ["/usr/bin/perdured", "--data-dir", "/var/lib/perdure", "--listen", "0.0.0.0:7480", "--http-listen", "0.0.0.0:7481"]
