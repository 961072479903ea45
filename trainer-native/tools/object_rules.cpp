// ELF64 as in the System V ABI (gABI chapter 4); mangled names as in the Itanium C++ ABI.
#include "tools/finding.h"

#if __has_include(<elf.h>)
#include <elf.h>

#include <cstring>
#include <regex>

namespace swarm {
namespace {

// What plain computation needs from outside: the engine's description of networks, containers and strings, memory, mathematics,
// exceptions. A list of what is allowed, so that what nobody thought of is refused.
const std::regex wanted_may_be(
    "_ZNK?5swarm(?!3cpu|7Network|7DataSet|10MappedFile|11BudgetClock|12TrainingText|14(read|write)|15(read|write|remove)|16(read|write)|5train|8describe).*"
    "|_ZNK?St(7__cxx1112basic_string|6vector|13runtime_error|11logic_error|12out_of_range|16invalid_argument|9exception|8__detail).*"
    "|_ZSt(20__throw_length_error|17__throw_bad_allocv|19__throw_logic_error|20__throw_out_of_range|24__throw_out_of_range_fmt|28__throw_bad_array_new_length"
    "|25__throw_bad_function_callv|16__throw_bad_cast|18_Rb_tree_increment|18_Rb_tree_decrement|29_Rb_tree_insert_and_rebalance|28_Rb_tree_rebalance_for_erase).*"
    "|_ZN(K?St)8__detail.*|_ZNKSt8__detail20_Prime_rehash_policy.*|_ZSt11_Hash_bytesPKvmm"
    "|_ZT[IVS](St|N10__cxxabiv1|[a-z]|P[a-z]).*|_ZTIN5swarm.*|_ZTVN5swarm.*"
    "|_Zn[wa]m|_Zd[la]Pvm?|_Zn[wa]mSt11align_val_t|_Zd[la]Pvm?St11align_val_t"
    "|mem(cpy|move|set|cmp|chr)|str(len|cmp|ncmp|chr)|bcmp"
    "|(a?(sin|cos|tan)h?|atan2|exp2?|expm1|log(2|10|1p|b)?|pow|sqrt|cbrt|hypot|fabs|floor|ceil|round|trunc|rint|nearbyint|fmod|remainder|fm(in|ax|a)|erfc?"
    "|[lt]gamma|ldexp|frexp|modf|scalbn|ilogb|copysign|nextafter|l?lround|l?lrint)f?"
    "|__cxa_(allocate_exception|free_exception|throw|rethrow|begin_catch|end_catch|throw_bad_array_new_length|pure_virtual|get_exception_ptr)"
    "|__gxx_personality_v0|_Unwind_Resume|__stack_chk_fail|__(mem|str)[a-z]+_chk|_GLOBAL_OFFSET_TABLE_|__assert_fail|_ZSt9terminatev");

// Of these the trainer has its own: a definition here would be used in its place, by the frozen parts too.
const std::regex replaces("_Zn[wa].*|_Zd[la].*|_ZNK?S[tabsiod].*|_ZS[tabsiod].*|_ZNK?5swarm.*|_ZNK?9__gnu_cxx.*|_ZN?10__cxxabiv1.*");

const std::regex plain_section(
    R"(\.text(\..*)?|\.rodata(\..*)?|\.data\.rel\.ro(\..*)?|\.data\.rel\.local\.DW\.ref\..*|\.eh_frame|\.gcc_except_table(\..*)?|\.note\..*)");
const std::regex kept_section(R"(\.(t?data|t?bss)(\..*)?)");
bool keeps_values(const std::string& section) { return std::regex_match(section, kept_section) && !std::regex_match(section, plain_section); }

class Object {
 public:
  explicit Object(const std::string& bytes) : bytes_(bytes) {
    const Elf64_Ehdr* header = at<Elf64_Ehdr>(0, 1);
    if (std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_type != ET_REL)
      throw std::runtime_error("not a 64-bit ELF object");
    sections_ = at<Elf64_Shdr>(header->e_shoff, count_ = header->e_shnum);
    names_ = header->e_shstrndx;
  }

  std::vector<Finding> all() {
    for (size_t i = 0; i < count_; i++) section(sections_[i]);
    for (size_t i = 0; i < count_; i++)
      if (sections_[i].sh_type == SHT_SYMTAB) {
        const size_t symbols = sections_[i].sh_size / sizeof(Elf64_Sym);
        const Elf64_Sym* first = at<Elf64_Sym>(sections_[i].sh_offset, symbols);
        for (size_t s = 1; s < symbols; s++) symbol(first[s], text(sections_[i].sh_link, first[s].st_name));
      }
    return std::move(found_);
  }

 private:
  template <class T>
  const T* at(uint64_t offset, uint64_t count) const {
    if (offset > bytes_.size() || count > (bytes_.size() - offset) / sizeof(T)) throw std::runtime_error("it ends early");
    return reinterpret_cast<const T*>(bytes_.data() + offset);
  }
  const Elf64_Shdr& section_at(uint64_t index) const {
    if (index >= count_) throw std::runtime_error("a section that is not there");
    return sections_[index];
  }
  std::string text(uint64_t section, uint64_t offset) const {
    const Elf64_Shdr& strings = section_at(section);
    if (offset >= strings.sh_size) throw std::runtime_error("a name that is not there");
    const char* begin = at<char>(strings.sh_offset + offset, strings.sh_size - offset);
    return std::string(begin, strnlen(begin, strings.sh_size - offset));
  }
  void refuse(const std::string& why) { found_.push_back({0, why}); }

  void section(const Elf64_Shdr& s) {
    const std::string name = text(names_, s.sh_name);
    if (!(s.sh_flags & SHF_ALLOC) || s.sh_size == 0) return;
    if (keeps_values(name)) return;  // named by its variable, in symbol()
    const bool list = s.sh_type == SHT_INIT_ARRAY || s.sh_type == SHT_PREINIT_ARRAY || s.sh_type == SHT_FINI_ARRAY;
    if (list || name.rfind(".ctors", 0) == 0 || name.rfind(".dtors", 0) == 0)
      return refuse("it runs code before or after main (" + name + "); a constant is `constexpr`, everything else belongs into the experiment's functions");
    if (!std::regex_match(name, plain_section)) refuse("its section " + name + " is no section of plain code; leave out attributes that place things");
  }

  void symbol(const Elf64_Sym& s, const std::string& name) {
    const int binding = ELF64_ST_BIND(s.st_info), type = ELF64_ST_TYPE(s.st_info);
    const bool outside = s.st_shndx == SHN_UNDEF;
    if (type == STT_GNU_IFUNC) return refuse(name + " is chosen by code that runs before main; write a plain function");
    if (outside) {
      if (!name.empty() && !std::regex_match(name, wanted_may_be))
        refuse("it wants " + name + " from outside; an experiment computes with its knobs and describes a network, nothing else");
      return;
    }
    const bool placed = s.st_shndx < SHN_LORESERVE && type != STT_SECTION;
    if (placed && keeps_values(text(names_, section_at(s.st_shndx).sh_name)))
      return refuse(name + " lives between two calls; make it `constexpr`, or a local variable without `static`");
    if (s.st_shndx == SHN_COMMON) return refuse(name + " lives between two calls; make it `constexpr`");
    if (binding == STB_LOCAL || binding == STB_WEAK || binding == STB_GNU_UNIQUE) {
      if (binding == STB_WEAK && name.rfind("_Z", 0) != 0 && name.rfind("DW.ref.", 0) != 0)
        refuse(name + " would stand in for a function of the system; give it another name");
      return;  // weak ones give way to the frozen parts, which are linked first
    }
    if (name.rfind("_Z", 0) != 0 || std::regex_match(name, replaces))
      refuse(name + " would replace a function of the system or of the engine; give it another name");
  }

  const std::string& bytes_;
  const Elf64_Shdr* sections_ = nullptr;
  size_t count_ = 0, names_ = 0;
  std::vector<Finding> found_;
};

}  // namespace

std::vector<Finding> scan_object(const std::string& bytes) {
  try {
    return Object(bytes).all();
  } catch (const std::runtime_error& error) {
    return {{0, std::string("what the compiler made cannot be read: ") + error.what()}};
  }
}

}  // namespace swarm

#else  // no ELF here: the text was scanned, and the judge needs neither
std::vector<swarm::Finding> swarm::scan_object(const std::string&) { return {}; }
#endif
