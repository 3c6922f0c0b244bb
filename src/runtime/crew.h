// A few threads that stay ready between layers, so that one image can use several processors.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace bitsieve {

class Crew {
 public:
  // `threads` workers in all, the calling thread included; at least 1. Throws Error where the system gives no more.
  explicit Crew(int threads);
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  int threads() const { return static_cast<int>(helpers_.size()) + 1; }

  // Calls body(index, worker) for every index in [0, count), worker in [0, threads()), and waits. Which worker takes
  // which index is open: bodies write places that belong to the index, scratch that belongs to the worker. The first
  // exception of a body is rethrown. Allocates nothing.
  template <class Body>
  void run(std::int64_t count, const Body& body) {
    run_job({[](const void* context, std::int64_t index, int worker) {
               (*static_cast<const Body*>(context))(index, worker);
             },
             &body, count});
  }

 private:
  struct Job {
    void (*call)(const void* context, std::int64_t index, int worker) = nullptr;
    const void* context = nullptr;
    std::int64_t count = 0;
  };
  void stop();  // ends and joins the helpers
  void run_job(const Job& job);
  void work(int worker);   // takes indices until none is left
  void serve(int worker);  // a helper's life

  Job job_;
  std::atomic<std::int64_t> next_{0};
  std::atomic<std::uint64_t> round_{0};  // counts jobs; helpers wait for it to change
  std::atomic<int> busy_{0};             // helpers still in the current job
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::exception_ptr error_;
  std::vector<std::thread> helpers_;
};

}  // namespace bitsieve
