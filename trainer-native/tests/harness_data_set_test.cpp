// Damaged, short, foreign and changed data sets: each refused with exit 4 and a message that names the file and the remedy.
#include "check.h"
#include "data_folder.h"
#include "harness/data_set.h"
#include "harness/failure.h"

using namespace swarm;
using check::DataFolder;

namespace {

struct Small : DataFolder {
  Small() : DataFolder({{1, 2, 3}, {4}, {5, 6}}, {{7, 8}}) {}
  std::string file(const char* name) const { return path + "/" + name; }
  // Changes bytes of a file and, as a careful forger would, the manifest with it.
  void patch(const char* name, size_t at, const std::string& bytes, bool manifest_too = true) {
    std::string content = check::read_all(file(name));
    content.replace(at, bytes.size(), bytes);
    check::write_all(file(name), content);
    if (manifest_too) write_manifest();
  }
};

}  // namespace

TEST("data set: documents as they were written") {
  Small folder;
  const DataSet data(folder.path);
  CHECK_EQUAL(data.manifest(), sha256_hex(check::read_all(folder.file("manifest.json")).data(), check::read_all(folder.file("manifest.json")).size()));
  const auto files = data.open_training();
  CHECK_EQUAL(files.size(), size_t(1));
  const std::vector<Document> documents = documents_of(files);
  CHECK_EQUAL(documents.size(), size_t(3));
  CHECK_EQUAL(documents[0].count, 4u);
  CHECK_EQUAL(documents[0].tokens[0], DataFolder::bos);
  CHECK_EQUAL(documents[2].tokens[2], 6);
  const TokenFile lengths = data.open_token_bytes();
  CHECK_EQUAL(lengths.items[0], 1);
  CHECK_EQUAL(lengths.items[DataFolder::bos], 0);
}

TEST("data set: shards are read in the order of their names") {
  Small folder;
  folder.write_tokens("train-001.bin", {{9}});
  folder.write_manifest();
  const auto files = DataSet(folder.path).open_training();
  CHECK_EQUAL(files.size(), size_t(2));
  CHECK_EQUAL(documents_of(files).back().tokens[1], 9);
}

TEST("data set: nothing there, or no manifest") {
  check::Folder empty;
  CHECK_FAILS(DataSet(empty.path), Exit::data, "make one with `swarm prepare`");
  CHECK_FAILS(DataSet(empty.path + "/absent"), Exit::data, "No such file");
}

TEST("data set: a manifest that is cut, empty or lists nothing") {
  Small folder;
  const std::string manifest = check::read_all(folder.file("manifest.json"));
  check::write_all(folder.file("manifest.json"), manifest.substr(0, manifest.size() / 2));
  CHECK_FAILS(DataSet(folder.path), Exit::data, "manifest.json is damaged: not JSON at byte");
  check::write_all(folder.file("manifest.json"), "");
  CHECK_FAILS(DataSet(folder.path), Exit::data, "it ends early");
  check::write_all(folder.file("manifest.json"), "{\"version\":1}");
  CHECK_FAILS(DataSet(folder.path), Exit::data, "it lists no files");
  check::write_all(folder.file("manifest.json"), "{\"version\":1,\"files\":{}}");
  CHECK_FAILS(DataSet(folder.path).open_training(), Exit::data, "names no training file");
}

TEST("data set: a missing, short or half-written file") {
  Small folder;
  std::filesystem::remove(folder.file("val.bin"));
  CHECK_FAILS(DataSet(folder.path).open_held_out("val"), Exit::data, "val.bin");
  const std::string train = check::read_all(folder.file("train-000.bin"));
  for (size_t bytes : {size_t(0), size_t(63), train.size() - 1, train.size() - 2}) {
    check::write_all(folder.file("train-000.bin"), train.substr(0, bytes));
    CHECK_FAILS(DataSet(folder.path).open_training(), Exit::data, "half-written");
  }
  check::write_all(folder.file("train-000.bin"), train + "xx");
  CHECK_FAILS(DataSet(folder.path).open_training(), Exit::data, "half-written");
}

TEST("data set: a foreign file, version or vocabulary") {
  { Small folder; folder.patch("train-000.bin", 0, "GGUF\3\0\0\0"); CHECK_FAILS(DataSet(folder.path).open_training(), Exit::data, "another kind of file"); }
  { Small folder; folder.patch("train-000.bin", 8, "\2"); CHECK_FAILS(DataSet(folder.path).open_training(), Exit::data, "format version 2"); }
  { Small folder; folder.patch("train-000.bin", 32, "\x7f"); CHECK_FAILS(DataSet(folder.path).open_training(), Exit::data, "impossible vocabulary"); }
  { Small folder; folder.patch("token_bytes.bin", 12, "\x7f"); CHECK_FAILS(DataSet(folder.path).open_token_bytes(), Exit::data, "one length per token"); }
  { Small folder; std::filesystem::copy_file(folder.file("token_bytes.bin"), folder.file("val.bin"), std::filesystem::copy_options::overwrite_existing);
    CHECK_FAILS(DataSet(folder.path).open_held_out("val"), Exit::data, "SWRMTOK1"); }
}

TEST("data set: one changed token is found by the manifest") {
  Small folder;
  folder.patch("train-000.bin", 66, "\11", false);
  CHECK_FAILS(DataSet(folder.path).open_training(), Exit::data, "its sha256 is not the manifest's");
}

TEST("data set: token ids and document counts are checked even when the manifest agrees") {
  { Small folder; folder.patch("train-000.bin", 66, "\x40"); CHECK_FAILS(documents_of(DataSet(folder.path).open_training()), Exit::data, "token 64 in a vocabulary of 64"); }
  { Small folder; folder.patch("train-000.bin", 64, "\1"); CHECK_FAILS(documents_of(DataSet(folder.path).open_training()), Exit::data, "does not start with a document"); }
  { Small folder; folder.patch("train-000.bin", 24, "\4"); CHECK_FAILS(documents_of(DataSet(folder.path).open_training()), Exit::data, "it holds 3 documents, its header promises 4"); }
}
