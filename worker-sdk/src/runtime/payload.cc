// Messages of payload errors.
#include "perdure/payload.h"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

#include "perdure/errors.h"

namespace perdure::detail {
namespace {

// The beginning of a payload, in one line of printable text.
std::string Excerpt(const Payload& payload) {
  constexpr std::size_t kShown = 120;
  if (payload.data.empty()) return "(empty)";
  std::string text;
  for (const char c : payload.data.substr(0, kShown)) {
    text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  if (payload.encoding != "json") {
    for (char& c : text) {
      if (static_cast<unsigned char>(c) >= 0x80) c = '.';
    }
  }
  if (payload.data.size() > kShown) text += "... (" + std::to_string(payload.data.size()) + " bytes)";
  return text;
}

void Replace(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

std::string TypeName(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), std::free);
  if (status != 0 || name == nullptr) return type.name();
  std::string text = name.get();
  Replace(text, "std::__cxx11::", "std::");
  Replace(text, "std::basic_string<char, std::char_traits<char>, std::allocator<char> >", "std::string");
  return text;
}

void ThrowDecodeError(const std::string& type, const std::string& problem, const Payload& payload) {
  throw DecodeError("cannot read a " + type + " from a payload: " + problem +
                    "; the payload: " + Excerpt(payload));
}

void ThrowEncodeError(const std::string& type, const std::string& problem) {
  throw EncodeError("cannot write a " + type + " to a payload: " + problem);
}

void ExpectEncoding(const Payload& payload, std::string_view encoding, const std::string& type) {
  if (payload.encoding == encoding) return;
  const std::string found = payload.encoding.empty() ? "no value" : "encoding '" + payload.encoding + "'";
  std::string problem = "expected encoding '" + std::string(encoding) + "', found " + found;
  if (encoding == "protobuf" && payload.encoding == "json") {
    problem += " (a protobuf message is sent in binary form, not as JSON)";
  }
  ThrowDecodeError(type, problem, payload);
}

}  // namespace perdure::detail
