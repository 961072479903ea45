# How the CUDA kernels are compiled: by nvcc for the GPU, and by the host compiler for the emulator. Included by the Makefile.
# defines: cuda, CUDA, CUDA_OBJECTS, CUDA_BACKEND, CUDA_LIBRARIES, CUDA_READS, EMULATED_OBJECTS
# Machine code for sm_80 (A100 and its generation) and sm_90a (H100, H200); PTX for what came later.
CUDA_KERNELS := $(wildcard engine/cuda/*.cu)
NVCC ?= $(shell command -v nvcc)
NVCC_FLAGS := -std=c++17 -O3 -I. -Xcompiler -Wall -Xptxas -v -gencode=arch=compute_80,code=[sm_80,compute_80] -gencode=arch=compute_90a,code=sm_90a
# What of the backend runs on the host: no compiler but the usual one.
CUDA_HOST := $(filter-out engine/cuda/absent.cpp,$(wildcard engine/cuda/*.cpp))
CUDA_OBJECTS := $(patsubst %.cu,$(BUILD)/cuda/%.o,$(CUDA_KERNELS))
# Do trainers and the judge link the backend? At the full size, and where a driver is; elsewhere nobody waits for nvcc. CUDA=yes or no says it.
CUDA ?= $(if $(NVCC),$(if $(filter gpu,$(SCALE))$(wildcard /proc/driver/nvidia/version /dev/nvidiactl /dev/dxg),yes,no),no)
ifneq ($(NVCC),)
# The runtime is linked in; it looks for the driver when it is first asked, so a machine without one runs the same trainer.
CUDA_HOME := $(patsubst %/bin/,%,$(dir $(shell $(NVCC) -dryrun -E -x cu /dev/null 2>&1 | sed -n 's/^\#$$ _HERE_=\(.*\)/\1\/bin\//p' | sed 's/bin\/bin/bin/')))
CUDA_LINKED := $(CUDA_OBJECTS) $(call object,$(CUDA_HOST))
CUDA_RUNTIME := $(firstword $(wildcard $(CUDA_HOME)/lib64/libcudart_static.a $(CUDA_HOME)/lib/libcudart_static.a $(CUDA_HOME)/targets/*/lib/libcudart_static.a))
cuda: $(CUDA_OBJECTS)
$(BUILD)/cuda/%.o: %.cu engine/cuda/build.mk
	@mkdir -p $(@D)
	@echo "  nvcc $<"
	@$(NVCC) $(NVCC_FLAGS) -MMD -MP -c -o $@ $< > $(@:.o=.log) 2>&1 || { cat $(@:.o=.log) >&2; rm -f $@; exit 1; }
else
cuda:
	@echo "  SKIPPED the CUDA kernels: no nvcc on PATH (NVCC=FILE names one)" >&2
endif

ifeq ($(CUDA),yes)
ifeq ($(NVCC),)
$(error CUDA=yes needs nvcc on PATH, or NVCC=FILE)
endif
CUDA_BACKEND := $(CUDA_LINKED)
CUDA_LIBRARIES := $(CUDA_RUNTIME) -ldl -lrt
CUDA_READS := --read $(BUILD)/cuda $(if $(CUDA_RUNTIME),--read $(CUDA_RUNTIME))
else
CUDA_BACKEND := $(call object,engine/cuda/absent.cpp)
endif
# What was linked last time: programs are linked again when it is another backend now.
CUDA_STAMP := $(BUILD)/objects/backend.txt
$(CUDA_STAMP): always
	@mkdir -p $(@D)
	@echo $(CUDA) | cmp -s - $@ || echo $(CUDA) > $@

# The same kernels compiled for the emulator, which the tests run on any machine.
$(BUILD)/objects/emulated/%.o: %.cu Makefile
	@mkdir -p $(@D)
	@echo "  compile $< for the emulator"
	@$(CXX) $(FROZEN_FLAGS) -Wno-unknown-pragmas -MMD -MP -x c++ -c -o $@ $<
EMULATED_OBJECTS := $(patsubst %.cu,$(BUILD)/objects/emulated/%.o,$(filter-out engine/cuda/nvidia.cu,$(CUDA_KERNELS))) \
  $(call object,$(CUDA_HOST) $(wildcard engine/cuda/emulated/*.cpp))
