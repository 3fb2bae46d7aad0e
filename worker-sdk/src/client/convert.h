// Between the client's public types and the messages of WorkflowService.
#ifndef PERDURE_WORKER_SDK_SRC_CLIENT_CONVERT_H_
#define PERDURE_WORKER_SDK_SRC_CLIENT_CONVERT_H_

#include <string>

#include "perdure/client_types.h"
#include "perdure/options.h"
#include "perdure/v1/workflow_service.pb.h"

namespace perdure::client {

// What the options say; names, ids and input are left for the caller. Memo values pass the converter.
v1::StartWorkflowRequest ToProto(const StartOptions& options, const PayloadConverter* converter);
v1::WorkflowFilter ToProto(const ListFilter& filter);

RunSummary FromProto(const v1::WorkflowSummary& summary);
RunDescription FromProto(const v1::DescribeWorkflowResponse& response, const PayloadConverter* converter);
ServerInfo FromProto(const v1::GetServerInfoResponse& response);

}  // namespace perdure::client

#endif  // PERDURE_WORKER_SDK_SRC_CLIENT_CONVERT_H_
