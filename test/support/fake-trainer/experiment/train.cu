// The fake recipe: knobs only.

// Learning rate of the matrices. range 0.005..0.5 log
constexpr float MUON_LR = 0.08f;
// Learning rate of the token embedding. range 0.02..2 log
constexpr float EMBED_LR = 0.2f;
// Weight decay of the matrices. range 0.01..1 log
constexpr float WEIGHT_DECAY = 0.2f;
// Share of the budget in which rates fall. range 0.1..0.9 linear
constexpr float WARMDOWN = 0.3f;
// Sequences a step. range 2..64 pow2
constexpr int ROWS = 16;
// Layers. range 2..8 int
constexpr int DEPTH = 4;
// Which layers see a short window only. choices SSSL|SL|L
constexpr char WINDOWS[] = "SSSL";
// Warm the momentum up. choices true|false
constexpr bool MOMENTUM_WARMUP = true;

constexpr char FAULT[] = "none";
constexpr float SECONDS = 0.2f;
