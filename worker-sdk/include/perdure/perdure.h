// All of the SDK. Programs that care about compile times include what they use instead:
//
//   workflow code   <perdure/context.h>, <perdure/combine.h>
//   a worker        <perdure/worker.h>
//   a client        <perdure/client.h>
//   contracts       <perdure/task.h>, <perdure/workflow.h>
#ifndef PERDURE_WORKER_SDK_INCLUDE_PERDURE_PERDURE_H_
#define PERDURE_WORKER_SDK_INCLUDE_PERDURE_PERDURE_H_

#include "perdure/client.h"
#include "perdure/co.h"
#include "perdure/combine.h"
#include "perdure/context.h"
#include "perdure/errors.h"
#include "perdure/json.h"
#include "perdure/options.h"
#include "perdure/payload.h"
#include "perdure/result.h"
#include "perdure/saga.h"
#include "perdure/task.h"
#include "perdure/task_context.h"
#include "perdure/worker.h"
#include "perdure/workflow.h"

#endif  // PERDURE_WORKER_SDK_INCLUDE_PERDURE_PERDURE_H_
