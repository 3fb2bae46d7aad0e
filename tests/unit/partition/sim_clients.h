// SimClients: clients that ask for things at random, and ask again with the same request id when they got no
// reply.
#ifndef PERDURE_TESTS_UNIT_PARTITION_SIM_CLIENTS_H_
#define PERDURE_TESTS_UNIT_PARTITION_SIM_CLIENTS_H_

#include <functional>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "tests/model/random.h"
#include "tests/unit/partition/promises.h"
#include "tests/unit/partition/test_server.h"

namespace perdure::partition::testing {

class SimClients {
 public:
  SimClients(TestServer* server, model::Rng* rng, Promises* promises)
      : server_(server), rng_(rng), promises_(promises) {}

  // One client asks for something.
  void Step();
  // Notes the replies that have come.
  void Collect();
  // The server died: what has no reply yet is asked again, sooner or later.
  void LoseReplies();

 private:
  // Sends a request, and tells how to see whether it was answered: true once it was, and noted.
  using Send = std::function<std::function<bool()>()>;
  struct Pending {
    Send send;
    std::function<bool()> answered;
  };

  void Ask(Send send);
  void Start();
  void Signal();
  void Cancel();
  void Terminate();
  void Describe();
  void Result();
  std::string NewRequestId() { return "request-" + std::to_string(++requests_); }

  TestServer* const server_;
  model::Rng* const rng_;
  Promises* const promises_;
  std::list<Pending> pending_;
  std::vector<Send> lost_;
  // Of which it was replied that they were started, by run id; and those ids, to draw from.
  std::map<std::string, std::string> workflow_of_;
  std::vector<std::string> runs_;
  // The start that was asked for last under each workflow id: a repeated one is that.
  std::map<std::string, v1::StartWorkflowRequest> latest_start_;
  int requests_ = 0;
};

}  // namespace perdure::partition::testing

#endif  // PERDURE_TESTS_UNIT_PARTITION_SIM_CLIENTS_H_
