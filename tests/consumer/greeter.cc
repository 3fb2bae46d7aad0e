// A whole application in one program: a task, a workflow, a worker and a client. Takes the server's address.
#include <perdure/client.h>
#include <perdure/context.h>
#include <perdure/worker.h>

#include <cstdio>
#include <string>

struct Greeting {
  std::string name;
  int times = 1;
};
PERDURE_JSON(Greeting, name, times)

inline constexpr perdure::Task<std::string(Greeting)> Greet{"greet"};
inline constexpr perdure::Workflow<std::string(Greeting)> GreetAll{"greet_all"};

perdure::Co<std::string> RunGreetAll(perdure::Context& ctx, Greeting greeting) {
  std::string said;
  for (int i = 0; i < greeting.times; ++i) said += co_await ctx.Run(Greet, greeting);
  co_return said;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: greeter HOST:PORT\n");
    return 2;
  }
  perdure::Worker worker(perdure::WorkerOptions().Address(argv[1]).TaskQueue("greetings"));
  worker.Host(Greet, [](Greeting g) { return "hello " + g.name + "\n"; });
  worker.Host(GreetAll, RunGreetAll);
  worker.Start();
  perdure::Client client(perdure::ClientOptions().Address(argv[1]).TaskQueue("greetings"));
  const std::string said = client.Start(GreetAll, Greeting{"world", 2}).Result();
  std::fputs(said.c_str(), stdout);
  worker.Stop();
  return said == "hello world\nhello world\n" ? 0 : 1;
}
