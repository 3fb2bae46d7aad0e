// A GET over a plain socket: one request, read to the end.
#include "tests/bench/metrics.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "tests/bench/wait.h"

namespace perdure::bench {
namespace {

constexpr int kTimeoutSeconds = 10;

struct Socket {
  int fd = -1;
  ~Socket() {
    if (fd >= 0) close(fd);
  }
};

[[noreturn]] void Fail(const std::string& address, const char* what) {
  throw BenchError("cannot read http://" + address + "/metrics: " + what);
}

void Connect(Socket& socket_out, const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) Fail(address, "not host:port");
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(address.substr(0, colon).c_str(), address.substr(colon + 1).c_str(), &hints, &found);
  if (error != 0) Fail(address, gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  socket_out.fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval timeout{kTimeoutSeconds, 0};
  setsockopt(socket_out.fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  setsockopt(socket_out.fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  if (connect(socket_out.fd, found->ai_addr, found->ai_addrlen) != 0) Fail(address, std::strerror(errno));
}

std::string Get(const std::string& address) {
  Socket socket;
  Connect(socket, address);
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: " + address + "\r\nConnection: close\r\n\r\n";
  if (send(socket.fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    Fail(address, std::strerror(errno));
  }
  std::string answer;
  char buffer[16'384];
  while (true) {
    const ssize_t n = recv(socket.fd, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) Fail(address, std::strerror(errno));
    if (n == 0) break;
    answer.append(buffer, static_cast<size_t>(n));
  }
  const size_t body = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.1 200") || body == std::string::npos) {
    Fail(address, answer.substr(0, answer.find('\r')).c_str());
  }
  return answer.substr(body + 4);
}

}  // namespace

Metrics::Metrics(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t space = line.rfind(' ');
    if (line.empty() || line[0] == '#' || space == std::string_view::npos) continue;
    const std::string_view series = line.substr(0, space);
    const size_t brace = series.find('{');
    Sample sample;
    sample.name = std::string(series.substr(0, brace));
    if (brace != std::string_view::npos) sample.labels = std::string(series.substr(brace + 1));
    sample.value = std::strtod(std::string(line.substr(space + 1)).c_str(), nullptr);
    samples_.push_back(std::move(sample));
  }
}

double Metrics::Sum(std::string_view name, std::string_view label) const {
  double sum = 0;
  for (const Sample& sample : samples_) {
    if (sample.name == name && sample.labels.find(label) != std::string::npos) sum += sample.value;
  }
  return sum;
}

Metrics Scrape(const std::string& http_address) { return Metrics(Get(http_address)); }

}  // namespace perdure::bench
