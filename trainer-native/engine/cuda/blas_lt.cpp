#include "engine/cuda/blas_lt.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#include "engine/cuda/memory.h"

namespace swarm::cuda {

struct LtProducts::Session {
  Session(std::shared_ptr<const lt::Library> of, lt::Handle with) : library(std::move(of)), handle(with), workspace(workspace_bytes) {}
  ~Session() { library->call.destroy(handle); }
  std::shared_ptr<const lt::Library> library;
  lt::Handle handle;
  Memory workspace;
};

// C is row-major [M, N], which cuBLASLt reads as its column-major transpose [N, M]: so its A is our B, and its B our A.
struct LtProducts::Plan {
  explicit Plan(std::shared_ptr<Session> in) : session(std::move(in)) {}
  ~Plan() {
    const lt::Functions& call = session->library->call;
    if (matmul) call.matmul_destroy(matmul);
    for (lt::Layout layout : {a, b, c, d == c ? nullptr : d})
      if (layout) call.layout_destroy(layout);
  }
  lt::Status run(const Product& p, const lt::Algorithm& with, Stream stream) const {
    void* const to = p.C32 ? static_cast<void*>(p.C32) : p.C;
    const void* const add = p.D && !p.C32 ? static_cast<const void*>(p.D) : to;
    return session->library->call.matmul(session->handle, matmul, &p.alpha, p.B, a, p.A, b, &p.beta, add, c, to, d, &with, session->workspace.at(0),
                                         workspace_bytes, stream);
  }
  std::shared_ptr<Session> session;
  lt::Matmul matmul = nullptr;
  lt::Layout a = nullptr, b = nullptr, c = nullptr, d = nullptr;  // d is c where C is added to in place
  lt::Algorithm algorithm{};
};

namespace {

constexpr int candidates_wanted = 8;

bool adds_elsewhere(const Product& p) { return !p.C32 && p.beta != 0 && p.D != p.C; }

uint32_t alignment_of(const void* start, long ld, long step, size_t size) {  // bytes every row of every batch starts at a multiple of
  constexpr uintptr_t most = 256;
  const uintptr_t together = reinterpret_cast<uintptr_t>(start) | uintptr_t(ld) * size | uintptr_t(step) * size | most;
  return uint32_t(together & -together);
}
uint32_t alignment_a(const Product& p) { return alignment_of(p.A, p.lda, p.a_step, sizeof(bf16)); }
uint32_t alignment_b(const Product& p) { return alignment_of(p.B, p.ldb, p.b_step, sizeof(bf16)); }
uint32_t alignment_to(const Product& p) {
  return p.C32 ? alignment_of(p.C32, p.ldc, p.c_step, sizeof(float)) : alignment_of(p.C, p.ldc, p.c_step, sizeof(bf16));
}
uint32_t alignment_add(const Product& p) { return adds_elsewhere(p) ? alignment_of(p.D, p.ldc, p.c_step, sizeof(bf16)) : alignment_to(p); }

// All that an algorithm may depend on; names it in the file of choices.
std::string shape_of(const Product& p) {
  static const char* const forms[] = {"NT", "NN", "TN"};
  std::string s = std::string(forms[int(p.form)]) + " " + std::to_string(p.M) + "x" + std::to_string(p.N) + "x" + std::to_string(p.K);
  for (long ld : {p.lda, p.ldb, p.ldc}) s += " " + std::to_string(ld);
  if (p.batches > 1) {
    s += " batches " + std::to_string(p.batches);
    for (long step : {p.a_step, p.b_step, p.c_step}) s += " " + std::to_string(step);
  }
  s += p.C32 ? " f32" : " bf16";
  s += p.beta == 0 ? " new" : adds_elsewhere(p) ? " added" : " in place";
  for (uint32_t bytes : {alignment_a(p), alignment_b(p), alignment_to(p), alignment_add(p)}) s += " " + std::to_string(bytes);
  return s;
}

std::string machine_with(const std::string& gpu, const lt::Library& library) {
  std::string driver;
  std::ifstream version("/proc/driver/nvidia/version");  // of the kernel module; absent where there is none
  std::getline(version, driver);
  return gpu + "; " + driver + "; " + library.name();
}

bool is_success(lt::Status status, const lt::Library& library, const char* what, std::string& why) {
  if (status == lt::success) return true;
  const char* words = library.call.status_words(status);
  why = std::string(what) + ": " + (words ? words : "status " + std::to_string(status));
  return false;
}

// Sums in one order: never by counters in the output.
bool is_ordered(const lt::Library& library, const lt::Algorithm& algorithm) {
  uint32_t reduction = lt::reduction_in_place;
  size_t written = 0;
  if (library.call.config(&algorithm, lt::config_reduction, &reduction, sizeof reduction, &written) != lt::success) return false;
  return reduction == lt::reduction_none || reduction == lt::reduction_apart;
}

bool same(const std::vector<lt::Heuristic>& x, const std::vector<lt::Heuristic>& y) {
  return x.size() == y.size() && std::equal(x.begin(), x.end(), y.begin(), [](const lt::Heuristic& a, const lt::Heuristic& b) {
           return std::memcmp(&a.algorithm, &b.algorithm, sizeof a.algorithm) == 0 && a.state == b.state;
         });
}

}  // namespace

LtSettings lt_settings_of_environment() {
  const auto value = [](const char* name) {
    const char* given = std::getenv(name);
    return std::string(given ? given : "");
  };
  return {value("SWARM_CUBLAS"), value("SWARM_CUBLAS_CHOICES"), ""};
}

std::unique_ptr<LtProducts> LtProducts::open(const LtSettings& settings, std::string& why) {
  if (settings.folder == "none") {
    why = "SWARM_CUBLAS is none";
    return nullptr;
  }
  const auto library = lt::load(settings.folder, why);
  if (!library) return nullptr;
  lt::Handle handle = nullptr;
  if (!is_success(library->call.create(&handle), *library, (library->name() + " from " + library->path + " does not start").c_str(), why)) return nullptr;
  return std::unique_ptr<LtProducts>(new LtProducts(std::make_shared<Session>(library, handle), settings));
}

LtProducts::LtProducts(std::shared_ptr<Session> session, const LtSettings& settings) : session_(std::move(session)) {
  if (!settings.choices.empty()) choices_ = std::make_unique<LtChoices>(settings.choices, machine_with(settings.machine, *session_->library));
}

bool LtProducts::record(Tape& tape, const Product& product) {
  const std::string shape = shape_of(product);
  auto known = plans_.find(shape);
  if (known == plans_.end()) {
    std::string why;
    known = plans_.emplace(shape, plan_of(product, shape, why)).first;
    if (!known->second) left_ += (left_.empty() ? "" : "; ") + shape + ": " + why;
  }
  if (!known->second) return false;
  tape.add({"cublasLtMatmul", {}, {}, 0, [plan = known->second, product](Stream stream) {
              std::string why;
              if (!is_success(plan->run(product, plan->algorithm, stream), *plan->session->library, "cublasLtMatmul", why)) throw DeviceError(why);
            }, shape});
  return true;
}

std::shared_ptr<LtProducts::Plan> LtProducts::plan_of(const Product& p, const std::string& shape, std::string& why) {
  const lt::Library& library = *session_->library;
  const lt::Functions& call = library.call;
  auto plan = std::make_shared<Plan>(session_);
  const auto made = [&](lt::Status status) { return is_success(status, library, "its descriptors", why); };
  const auto layout = [&](lt::Layout& to, int type, int rows, int cols, long ld, long step) {
    const int32_t batches = p.batches;
    const int64_t stride = step;
    return made(call.layout_create(&to, type, uint64_t(rows), uint64_t(cols), ld)) &&
           (p.batches == 1 || (made(call.layout_set(to, lt::layout_batch_count, &batches, sizeof batches)) &&
                               made(call.layout_set(to, lt::layout_batch_step, &stride, sizeof stride))));
  };
  const int32_t op_a = p.form == Form::NT ? lt::op_transposed : lt::op_none, op_b = p.form == Form::TN ? lt::op_transposed : lt::op_none;
  const int type = p.C32 ? lt::type_f32 : lt::type_bf16;
  if (!made(call.matmul_create(&plan->matmul, lt::compute_f32, lt::type_f32)) || !made(call.matmul_set(plan->matmul, lt::matmul_transa, &op_a, sizeof op_a)) ||
      !made(call.matmul_set(plan->matmul, lt::matmul_transb, &op_b, sizeof op_b)) ||
      !layout(plan->a, lt::type_bf16, p.form == Form::NT ? p.K : p.N, p.form == Form::NT ? p.N : p.K, p.ldb, p.b_step) ||
      !layout(plan->b, lt::type_bf16, p.form == Form::TN ? p.M : p.K, p.form == Form::TN ? p.K : p.M, p.lda, p.a_step) ||
      !layout(plan->c, type, p.N, p.M, p.ldc, p.c_step))
    return nullptr;
  if (!adds_elsewhere(p)) plan->d = plan->c;
  else if (!layout(plan->d, type, p.N, p.M, p.ldc, p.c_step)) return nullptr;
  if (take_pinned(*plan, shape)) {
    origins_[Origin::Pinned]++;
    return plan;
  }
  return choose(*plan, p, shape, why) ? plan : nullptr;
}

bool LtProducts::take_pinned(Plan& plan, const std::string& shape) {
  const lt::Algorithm* pinned = choices_ ? choices_->find(shape) : nullptr;
  if (!pinned) return false;
  lt::Heuristic result{};
  const lt::Functions& call = session_->library->call;
  if (call.check(session_->handle, plan.matmul, plan.a, plan.b, plan.c, plan.d, pinned, &result) != lt::success || result.workspace > workspace_bytes ||
      !is_ordered(*session_->library, *pinned))
    return false;
  plan.algorithm = *pinned;
  return true;
}

bool LtProducts::choose(Plan& plan, const Product& p, const std::string& shape, std::string& why) {
  const lt::Library& library = *session_->library;
  const lt::Functions& call = library.call;
  lt::Wishes wishes = nullptr;
  if (!is_success(call.wishes_create(&wishes), library, "its wishes", why)) return false;
  const std::shared_ptr<void> owned(wishes, [&](lt::Wishes w) { call.wishes_destroy(w); });
  const uint64_t workspace = workspace_bytes;
  const uint32_t reductions = lt::reduction_apart;
  const auto wish = [&](int attribute, auto value) { return is_success(call.wishes_set(wishes, attribute, &value, sizeof value), library, "its wishes", why); };
  if (!wish(lt::wish_workspace, workspace) || !wish(lt::wish_reductions, reductions) || !wish(lt::wish_alignment_a, alignment_b(p)) ||
      !wish(lt::wish_alignment_b, alignment_a(p)) || !wish(lt::wish_alignment_c, alignment_add(p)) || !wish(lt::wish_alignment_d, alignment_to(p)))
    return false;

  const auto ask = [&](std::vector<lt::Heuristic>& list) {
    list.assign(candidates_wanted, lt::Heuristic{});
    int given = 0;
    const lt::Status status = call.heuristics(session_->handle, plan.matmul, plan.a, plan.b, plan.c, plan.d, wishes, candidates_wanted, list.data(), &given);
    list.resize(size_t(std::clamp(given, 0, candidates_wanted)));
    return is_success(status, library, "no algorithm", why);
  };
  std::vector<lt::Heuristic> list, again;
  if (!ask(list) || !ask(again)) return false;
  if (!same(list, again)) {
    why = "asked twice it suggests different algorithms, so runs could not be repeated";
    return false;
  }
  const auto is_usable = [&](const lt::Heuristic& h) { return h.state == lt::success && h.workspace <= workspace_bytes && is_ordered(library, h.algorithm); };
  list.erase(std::remove_if(list.begin(), list.end(), [&](const lt::Heuristic& h) { return !is_usable(h); }), list.end());

  const auto seconds = [&](const lt::Algorithm& with) {  // of one run, the best of three rounds; 0: it does not run
    constexpr int rounds = 3, repeats = 5;
    double best = 0;
    for (int round = 0; round <= rounds; round++) {  // the first round warms up
      wait();
      const auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < repeats; i++)
        if (plan.run(p, with, nullptr) != lt::success) return 0.0;
      wait();
      const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / repeats;
      if (round > 0 && (best == 0 || took < best)) best = took;
    }
    return best;
  };
  const lt::Heuristic* chosen = nullptr;
  double shortest = 0;
  for (const lt::Heuristic& candidate : list) {
    if (!choices_) {  // untimed: the library's own first
      chosen = &candidate;
      break;
    }
    constexpr double clearly = 0.98;  // an earlier suggestion stays unless another needs less than this of its time
    const double took = seconds(candidate.algorithm);
    if (took > 0 && (!chosen || took < clearly * shortest)) chosen = &candidate, shortest = took;
  }
  if (!chosen) {
    why = list.empty() ? "no algorithm that sums in one order" : "none of its algorithms runs";
    return false;
  }
  plan.algorithm = chosen->algorithm;
  origins_[choices_ ? Origin::Timed : Origin::First]++;
  if (choices_) choices_->pin(shape, plan.algorithm);
  return true;
}

std::string LtProducts::account() const {
  const auto count = [&](Origin origin) {
    const auto found = origins_.find(origin);
    return std::to_string(found == origins_.end() ? 0 : found->second);
  };
  std::string line = "products by " + session_->library->name() + " (" + session_->library->path + "): ";
  if (choices_) line += count(Origin::Pinned) + " shapes as pinned in " + choices_->file() + ", " + count(Origin::Timed) + " timed and pinned now";
  else line += count(Origin::First) + " shapes by the library's first suggestion (SWARM_CUBLAS_CHOICES=FILE times and pins)";
  if (choices_ && choices_->dropped()) line += ", " + std::to_string(choices_->dropped()) + " lines of that file unreadable and dropped";
  if (choices_ && !choices_->trouble().empty()) line += ", NOT PINNED: " + choices_->trouble();
  if (!left_.empty()) line += "; by our own kernels: " + left_;
  return line;
}

}  // namespace swarm::cuda
