// The workflow: validate, then inventory and payment in parallel, then finalize.
#ifndef PERDURE_WORKER_SDK_EXAMPLES_ORDER_FULFILLMENT_WORKFLOW_H_
#define PERDURE_WORKER_SDK_EXAMPLES_ORDER_FULFILLMENT_WORKFLOW_H_

#include <perdure/context.h>

#include "orders.h"

namespace orders {

// An order that cannot be fulfilled completes with a status that says why. The run fails only for what nobody
// foresaw. However it ends, and whenever it is cancelled: either the order is fulfilled, or everything is
// undone that was done for it.
perdure::Co<Fulfilment> Fulfil(perdure::Context& ctx, Order order);

}  // namespace orders

#endif  // PERDURE_WORKER_SDK_EXAMPLES_ORDER_FULFILLMENT_WORKFLOW_H_
