// One or two threads that run the same job side by side and meet at its end. Waiting blocks; nobody spins.
#pragma once
#include <condition_variable>
#include <mutex>
#include <thread>

namespace swarm {

class Crew {
 public:
  explicit Crew(int workers);
  ~Crew();
  // job(worker) for each worker; returns when all are done. The caller is worker 0. Jobs do not throw.
  template <class Job>
  void run(const Job& job) {
    run([](const void* j, int worker) { (*static_cast<const Job*>(j))(worker); }, &job);
  }

 private:
  using Call = void (*)(const void* job, int worker);
  void run(Call call, const void* job);
  void serve();

  std::mutex mutex_;
  std::condition_variable changed_;
  Call call_ = nullptr;  // set: the second worker has work
  const void* job_ = nullptr;
  bool closing_ = false;
  std::thread second_;
};

}  // namespace swarm
