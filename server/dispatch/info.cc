// What dispatch shows of itself.
#include <algorithm>

#include "server/dispatch/dispatcher.h"

namespace perdure::dispatch {

bool Dispatcher::Hosted(std::string_view ns, std::string_view task_queue, WorkKind kind,
                        std::string_view type) const {
  const std::string key = QueueKey(ns, task_queue, kind, type);
  absl::MutexLock lock(&mu_);
  auto it = queues_.find(key);
  return it != queues_.end() && it->second->sessions > 0;
}

Dispatcher::Totals Dispatcher::Sum() const {
  absl::MutexLock lock(&mu_);
  Totals sum;
  sum.sessions = static_cast<int64_t>(sessions_.size());
  for (const auto& [number, s] : sessions_) {
    sum.activations_out += s->activations_out;
    sum.tasks_out += s->tasks_out;
  }
  for (const auto& [key, q] : queues_) sum.queued += static_cast<int64_t>(q->items.size());
  return sum;
}

void Dispatcher::FillInfo(v1::GetServerInfoResponse& out) const {
  absl::MutexLock lock(&mu_);
  const int64_t now = options_.now_ms();
  for (const auto& [number, s] : sessions_) {
    v1::SessionInfo& info = *out.add_sessions();
    info.set_session_id(s->id);
    info.set_identity(s->peer->identity);
    info.set_namespace_(s->hello.namespace_());
    info.set_task_queue(s->hello.task_queue());
    *info.mutable_workflow_types() = s->hello.workflow_types();
    *info.mutable_task_types() = s->hello.task_types();
    info.set_max_activations(s->hello.max_activations());
    info.set_max_tasks(s->hello.max_tasks());
    info.set_activations_out(s->activations_out);
    info.set_tasks_out(s->tasks_out);
    info.set_build_id(s->hello.build_id());
    info.set_connected_unix_ms(s->connected_ms);
    info.set_connected(s->sink != nullptr);
    info.set_draining(s->draining);
  }
  for (const auto& [key, q] : queues_) {
    const QueueName name = ParseQueueKey(key);
    v1::QueueInfo& info = *out.add_queues();
    info.set_namespace_(name.ns);
    info.set_task_queue(name.task_queue);
    info.set_kind(name.kind);
    info.set_type(name.type);
    info.set_depth(static_cast<int64_t>(q->items.size()));
    info.set_spilled(q->spilled);
    info.set_age_ms(q->items.empty() ? 0 : now - q->items.front().since_ms);
    info.set_sessions(q->sessions);
  }
}

void Dispatcher::Collect(base::MetricSink& sink) const {
  metrics_.Collect(sink);
  absl::MutexLock lock(&mu_);
  const int64_t now = options_.now_ms();
  double depth[2] = {0, 0};
  double age_ms[2] = {0, 0};
  double spilled[2] = {0, 0};
  for (const auto& [key, q] : queues_) {
    const int k = q->kind == WorkKind::kActivation ? 0 : 1;
    depth[k] += static_cast<double>(q->items.size());
    spilled[k] += static_cast<double>(q->spilled);
    if (!q->items.empty())
      age_ms[k] = std::max(age_ms[k], static_cast<double>(now - q->items.front().since_ms));
  }
  double connected = 0;
  double lost = 0;
  double credits[2] = {0, 0};
  double out[2] = {0, 0};
  for (const auto& [number, s] : sessions_) {
    (s->sink ? connected : lost) += 1;
    credits[0] += s->hello.max_activations();
    credits[1] += s->hello.max_tasks();
    out[0] += s->activations_out;
    out[1] += s->tasks_out;
  }
  const char* const kinds[2] = {"activation", "task"};
  for (int k = 0; k < 2; ++k) {
    const base::Label kind[] = {{"kind", kinds[k]}};
    sink.Gauge("perdure_dispatch_queue_depth_items", "Work waiting in memory.", kind, depth[k]);
    sink.Gauge("perdure_dispatch_queue_spilled_items", "Work waiting on disk, beyond the window.", kind,
               spilled[k]);
    sink.Gauge("perdure_dispatch_queue_age_seconds", "Age of the oldest work waiting in memory.", kind,
               age_ms[k] / 1000);
    sink.Gauge("perdure_dispatch_credits_items", "Work that all sessions together would take.", kind,
               credits[k]);
    sink.Gauge("perdure_dispatch_out_items", "Work in the hands of sessions.", kind, out[k]);
  }
  const base::Label is_connected[] = {{"state", "connected"}};
  const base::Label is_lost[] = {{"state", "lost"}};
  sink.Gauge("perdure_dispatch_sessions", "Worker sessions.", is_connected, connected);
  sink.Gauge("perdure_dispatch_sessions", "Worker sessions.", is_lost, lost);
  // Of before the restart, not back yet: the partitions hold the tasks that they may be running.
  const base::Label is_awaited[] = {{"state", "awaited"}};
  sink.Gauge("perdure_dispatch_sessions", "Worker sessions.", is_awaited,
             static_cast<double>(expected_.size()));
  sink.Gauge("perdure_dispatch_queued_bytes", "Memory of all windows.", {},
             static_cast<double>(queued_bytes_));
}

}  // namespace perdure::dispatch
