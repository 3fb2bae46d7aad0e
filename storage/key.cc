// Names inside keys, and the end of a prefix.
#include "storage/key.h"

namespace perdure::storage {

Key& Key::Name(std::string_view name) {
  size_t plain = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    const auto byte = static_cast<uint8_t>(name[i]);
    if (byte > 0x01) continue;
    Append(name.substr(plain, i - plain));
    U8(0x01).U8(byte == 0x00 ? 0x01 : 0x02);
    plain = i + 1;
  }
  Append(name.substr(plain));
  return U8(0x00);
}

Key Key::Successor() const {
  std::string_view prefix = view();
  while (!prefix.empty() && prefix.back() == '\xff') prefix.remove_suffix(1);
  Key next;
  if (prefix.empty()) return next;
  next.Rest(prefix.substr(0, prefix.size() - 1));
  next.U8(static_cast<uint8_t>(static_cast<uint8_t>(prefix.back()) + 1));
  return next;
}

}  // namespace perdure::storage
