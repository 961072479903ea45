#include "engine/core/crew.h"

namespace swarm {

Crew::Crew(int workers) {
  if (workers > 1) second_ = std::thread([this] { serve(); });
}

Crew::~Crew() {
  if (!second_.joinable()) return;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  second_.join();
}

void Crew::run(Call call, const void* job) {
  if (!second_.joinable()) return call(job, 0);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    call_ = call;
    job_ = job;
  }
  changed_.notify_all();
  call(job, 0);
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return call_ == nullptr; });
}

void Crew::serve() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return call_ || closing_; });
    if (closing_) return;
    const Call call = call_;
    const void* job = job_;
    lock.unlock();
    call(job, 1);
    lock.lock();
    call_ = nullptr;
    changed_.notify_all();
  }
}

}  // namespace swarm
