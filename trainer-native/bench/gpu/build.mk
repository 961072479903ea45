# What bench/h200.sh needs beside the trainer, apart from the Makefile because it is no frozen part: from trainer-native,
#   make -f bench/gpu/build.mk lt-names CUBLAS_INCLUDE=FOLDER     our names of cuBLASLt against its header
#   make -f bench/gpu/build.mk rates                              $(BUILD)/bench-gpu-rates, for the GPU; needs nvcc
#   make -f bench/gpu/build.mk step                               $(BUILD)/bench-gpu-step: a step of the full size, kernel by kernel
#   make -f bench/gpu/build.mk rates-emulated                     the same for the emulator: it runs and measures nothing
.DEFAULT_GOAL := rates
include Makefile

.PHONY: lt-names rates step rates-emulated
lt-names:
	@$(CXX) $(STRICT) $(foreach folder,$(CUBLAS_INCLUDE) $(wildcard $(CUDA_HOME)/include $(CUDA_HOME)/targets/*/include),-isystem $(folder)) -fsyntax-only bench/gpu/lt_names.cpp
	@echo "lt-names: values and signatures are those of cublasLt.h"

RATES_ENGINE := $(call object,$(ENGINE) $(CUDA_HOST))
rates: $(BUILD)/bench-gpu-rates
$(BUILD)/cuda/bench/gpu/rates.o: bench/gpu/rates.cu
$(BUILD)/bench-gpu-rates: $(BUILD)/cuda/bench/gpu/rates.o $(CUDA_OBJECTS) $(RATES_ENGINE)
	@echo "  link $@"
	@$(CXX) $(FROZEN_FLAGS) -o $@ $^ $(firstword $(CUDA_RUNTIME) $(CUDA_LIBRARIES)) -ldl -lrt

step: $(BUILD)/bench-gpu-step
$(BUILD)/cuda/bench/gpu/step.o: bench/gpu/step.cu
$(BUILD)/objects/bench/gpu/experiment.o: experiment/train.cu Makefile
	@mkdir -p $(@D)
	@echo "  compile $@"
	@$(CXX) $(EXPERIMENT_FLAGS) -DSWARM_SCALE_GPU -MMD -MP -x c++ -c -o $@ $<
$(BUILD)/bench-gpu-step: $(BUILD)/cuda/bench/gpu/step.o $(BUILD)/objects/bench/gpu/experiment.o $(CUDA_OBJECTS) $(RATES_ENGINE)
	@echo "  link $@"
	@$(CXX) $(FROZEN_FLAGS) -o $@ $^ $(firstword $(CUDA_RUNTIME) $(CUDA_LIBRARIES)) -ldl -lrt

rates-emulated: $(BUILD)/bench-gpu-rates-emulated
$(BUILD)/bench-gpu-rates-emulated: $(BUILD)/objects/emulated/bench/gpu/rates.o $(EMULATED_OBJECTS) $(call object,$(ENGINE))
	@echo "  link $@"
	@$(CXX) $(FROZEN_FLAGS) -o $@ $^ -ldl

-include $(wildcard $(BUILD)/cuda/bench/gpu/*.d $(BUILD)/objects/bench/gpu/*.d $(BUILD)/objects/emulated/bench/gpu/*.d)
