// Wraps cpp-httplib.
#include "server/ops/http_server.h"

#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/address.h"
#include "server/base/log.h"
#include "server/base/version.h"

namespace perdure::ops {
namespace {

constexpr size_t kThreads = 8;
constexpr size_t kRequestBytesMax = 1 << 20;
constexpr time_t kIoTimeoutSeconds = 5;
constexpr time_t kKeepAliveSeconds = 2;

absl::Status CannotListen(const std::string& listen, int error) {
  std::string message = absl::StrCat("cannot listen for HTTP on ", listen, ": ",
                                     error != 0 ? std::strerror(error) : "no such address");
  if (error == EADDRINUSE) {
    absl::StrAppend(
        &message,
        "; another process has this port. Stop it, or choose another: --http-listen HOST:PORT (port 0 "
        "takes a free one)");
  } else if (error == EACCES) {
    absl::StrAppend(&message, "; ports below 1024 need privileges. Choose another: --http-listen HOST:PORT");
  } else {
    absl::StrAppend(&message, "; http_listen must name an address of this machine");
  }
  return absl::UnavailableError(message);
}

// httplib takes paths as regular expressions.
std::string Literal(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (std::strchr("\\^$.|?*+()[]{}", c) != nullptr) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(const Metrics& metrics, const Readiness& readiness) : readiness_(readiness) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };  // the server owns it
    server_.set_payload_max_length(kRequestBytesMax);
    server_.set_read_timeout(kIoTimeoutSeconds);
    server_.set_write_timeout(kIoTimeoutSeconds);
    server_.set_keep_alive_timeout(kKeepAliveSeconds);
    server_.set_tcp_nodelay(true);
    // Without SO_REUSEPORT, which is httplib's choice: a busy port must be an error, not shared.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    server_.set_error_handler([](const httplib::Request& request, httplib::Response& response) {
      if (response.status == 404 && response.body.empty()) {
        response.set_content(absl::StrCat("nothing at ", request.path, "; / lists what there is\n"),
                             "text/plain");
      }
    });
    server_.set_exception_handler(
        [](const httplib::Request& request, httplib::Response& response, std::exception_ptr) {
          base::LogError("http handler threw", {{"path", request.path}});
          response.status = 500;
          response.set_content("internal error\n", "text/plain");
        });
    Handle("/metrics", "metrics, in Prometheus' text format", [&metrics](const HttpRequest&) {
      return HttpResponse{200, "text/plain; version=0.0.4; charset=utf-8", metrics.Text()};
    });
    Handle("/healthz", "200 as long as the process answers",
           [](const HttpRequest&) { return HttpResponse{.body = "ok\n"}; });
    Handle("/readyz", "200 when it takes work, else 503 with the reason", [this](const HttpRequest&) {
      const std::string reason = readiness_.Reason();
      return reason.empty() ? HttpResponse{.body = "ready\n"}
                            : HttpResponse{.status = 503, .body = absl::StrCat("not ready: ", reason, "\n")};
    });
    server_.Get("/", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(Index(), "text/html; charset=utf-8");
    });
  }

  ~Impl() { Stop(); }

  void Handle(const std::string& path, const std::string& about, Handler handler) {
    pages_.emplace_back(path, about);
    server_.Get(Literal(path),
                [handler = std::move(handler)](const httplib::Request& request, httplib::Response& response) {
                  HttpRequest in{request.path, {}};
                  for (const auto& [name, value] : request.params) in.query[name] = value;
                  HttpResponse out = handler(in);
                  response.status = out.status;
                  response.set_content(std::move(out.body), out.content_type);
                });
  }

  // The port listened on, or Unavailable.
  absl::StatusOr<base::Address> Start(const std::string& listen) {
    absl::StatusOr<base::Address> address = base::ParseAddress(listen);
    if (!address.ok()) return address.status();
    errno = 0;
    if (address->port == 0) {
      address->port = server_.bind_to_any_port(address->host);
      if (address->port <= 0) return CannotListen(listen, errno);
    } else if (!server_.bind_to_port(address->host, address->port)) {
      return CannotListen(listen, errno);
    }
    thread_ = std::thread([this] {
      server_.listen_after_bind();
      ended_ = true;
    });
    // Stop() has no effect on a server that is not running yet.
    while (!server_.is_running() && !ended_) std::this_thread::yield();
    return address;
  }

  void Stop() {
    if (!thread_.joinable()) return;
    server_.stop();
    thread_.join();
  }

 private:
  std::string Index() const {
    const std::string reason = readiness_.Reason();
    const absl::string_view version(base::Version().data(), base::Version().size());
    std::string html = absl::StrCat("<!doctype html><title>Perdure</title><h1>Perdure ", version, "</h1><p>",
                                    reason.empty() ? "Ready." : "Not ready; see /readyz.", "</p><ul>\n");
    for (const auto& [path, about] : pages_) {
      absl::StrAppend(&html, "<li><a href=\"", path, "\">", path, "</a>: ", about, "</li>\n");
    }
    absl::StrAppend(&html, "</ul>\n");
    return html;
  }

  const Readiness& readiness_;
  std::vector<std::pair<std::string, std::string>> pages_;
  httplib::Server server_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

HttpServer::HttpServer(const Metrics& metrics, const Readiness& readiness)
    : impl_(std::make_unique<Impl>(metrics, readiness)) {}

HttpServer::~HttpServer() = default;

void HttpServer::Handle(const std::string& path, const std::string& about, Handler handler) {
  impl_->Handle(path, about, std::move(handler));
}

absl::Status HttpServer::Start(const std::string& listen) {
  const absl::StatusOr<base::Address> address = impl_->Start(listen);
  if (!address.ok()) return address.status();
  address_ = address->ToString();
  return absl::OkStatus();
}

void HttpServer::Stop() { impl_->Stop(); }

}  // namespace perdure::ops
