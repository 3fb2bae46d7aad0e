#include "server/dispatch/metrics.h"

namespace perdure::dispatch {

void DispatchMetrics::Collect(base::MetricSink& sink) const {
  const base::Label activation[] = {{"kind", "activation"}};
  const base::Label task[] = {{"kind", "task"}};
  sink.Counter("perdure_dispatch_deliveries_total", "Work handed to worker sessions.", activation,
               static_cast<double>(activations_delivered.value()));
  sink.Counter("perdure_dispatch_deliveries_total", "Work handed to worker sessions.", task,
               static_cast<double>(tasks_delivered.value()));
  sink.Counter("perdure_dispatch_sticky_total",
               "Activations that went to the session that holds the coroutine.", {},
               static_cast<double>(activations_sticky.value()));
  sink.Counter("perdure_dispatch_frames_sent_total", "Frames sent to workers.", {},
               static_cast<double>(frames_sent.value()));
  sink.Counter("perdure_dispatch_frames_received_total", "Frames received from workers.", {},
               static_cast<double>(frames_received.value()));
  sink.Counter("perdure_dispatch_answers_total", "Answers received from workers.", {},
               static_cast<double>(answers.value()));
  sink.Counter("perdure_dispatch_stale_answers_total", "Answers dropped for a token that is not current.", {},
               static_cast<double>(stale_answers.value()));
  sink.Counter("perdure_dispatch_spilled_total", "Work sent back to disk since its queue's window was full.",
               {}, static_cast<double>(spilled.value()));
  sink.Counter("perdure_dispatch_sessions_opened_total", "Worker sessions opened.", {},
               static_cast<double>(sessions_opened.value()));
  sink.Counter("perdure_dispatch_sessions_resumed_total", "Worker sessions that came back within the grace.",
               {}, static_cast<double>(sessions_resumed.value()));
  sink.Counter("perdure_dispatch_sessions_lost_total", "Worker sessions given up after the reconnect grace.",
               {}, static_cast<double>(sessions_lost.value()));
  sink.Counter("perdure_dispatch_lost_total", "Work that was in the hands of sessions that were given up.",
               activation, static_cast<double>(activations_lost.value()));
  sink.Counter("perdure_dispatch_lost_total", "Work that was in the hands of sessions that were given up.",
               task, static_cast<double>(tasks_lost.value()));
  sink.Counter("perdure_dispatch_history_requests_total", "Runs whose history a worker asked for.", {},
               static_cast<double>(history_requests.value()));
  sink.Histogram("perdure_dispatch_queue_wait_seconds", "Time work waited in its queue's window.", {},
                 queue_wait_ms, 1e-3);
}

}  // namespace perdure::dispatch
