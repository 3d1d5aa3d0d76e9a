// Counts the words of standard input and of the files that it is given; writes the table to a file as well.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

struct Counter {
  virtual ~Counter() = default;
  virtual void add(const std::string &word) = 0;
};

struct Table final : Counter {
  std::map<std::string, int> counts;
  void add(const std::string &word) override { ++counts[word]; }
};

static void read(std::istream &in, Counter &counter) {
  std::string word;
  while (in >> word) {
    std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
    counter.add(word);
  }
}

int main(int argc, char **argv) {
  auto table = std::make_unique<Table>();
  read(std::cin, *table);
  for (int i = 1; i + 1 < argc; ++i) {
    std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen(argv[i], "r"), std::fclose);
    if (!file) {
      std::cerr << argv[i] << ": cannot be read\n";
      return 2;
    }
    std::stringstream content;
    for (int c; (c = std::fgetc(file.get())) != EOF;) content.put(static_cast<char>(c));
    read(content, *table);
  }
  std::vector<std::pair<std::string, int>> rows(table->counts.begin(), table->counts.end());
  std::stable_sort(rows.begin(), rows.end(), [](auto &a, auto &b) { return a.second > b.second; });
  std::ostringstream text;
  for (auto &[word, count] : rows) text << count << ' ' << word << '\n';
  std::cout << text.str() << rows.size() << " words" << std::endl;
  if (argc > 1) {
    std::FILE *out = std::fopen(argv[argc - 1], "w");
    if (!out) return 3;
    std::fputs(text.str().c_str(), out);
    std::fclose(out);
  }
  return rows.empty() ? 1 : 0;
}
