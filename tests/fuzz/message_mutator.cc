#include "tests/fuzz/message_mutator.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/common.h>

#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

// libFuzzer's: changes the bytes in place and gives their new number.
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace perdure::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kNestingMax = 1'000;
// New messages are filled down to here.
constexpr int kNewDepthMax = 3;
constexpr size_t kTextGrowsBy = 32;

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  // One small change.
  void Mutate(Message& root) {
    Collect(root);
    Message& node = *nodes_[Pick(nodes_.size())];
    if (Pick(8) == 0 && CopyOnto(node)) return;
    ChangeSomeField(node, 0);
  }

  // Something of `other` goes into `root`: entries of its outermost lists, or a message somewhere inside.
  void Cross(Message& root, Message& other) {
    const Reflection& r = *root.GetReflection();
    std::vector<const FieldDescriptor*> lists;
    std::vector<const FieldDescriptor*> set;
    other.GetReflection()->ListFields(other, &set);
    for (const FieldDescriptor* field : set) {
      if (field->is_repeated() && field->message_type() != nullptr && !field->is_map())
        lists.push_back(field);
    }
    if (!lists.empty() && Pick(4) != 0) {
      const FieldDescriptor* field = lists[Pick(lists.size())];
      const int from = static_cast<int>(Pick(static_cast<size_t>(r.FieldSize(other, field))));
      // Cut off here and go on as the other one does.
      for (size_t cut = Pick(static_cast<size_t>(r.FieldSize(root, field)) + 1); cut > 0; --cut)
        r.RemoveLast(&root, field);
      for (int i = from; i < r.FieldSize(other, field); ++i)
        r.AddMessage(&root, field)->CopyFrom(r.GetRepeatedMessage(other, field, i));
      return;
    }
    Collect(other);
    const std::vector<Message*> theirs = nodes_;
    Collect(root);
    const std::vector<Message*> ours = nodes_;
    const Message& donor = *theirs[Pick(theirs.size())];
    for (Message* node : ours) {
      if (node->GetDescriptor() != donor.GetDescriptor() || Pick(2) != 0) continue;
      node->CopyFrom(donor);
      return;
    }
  }

  size_t Pick(size_t n) { return n == 0 ? 0 : random_() % n; }

 private:
  // Every message in `root`, and every text.
  void Collect(Message& root) {
    nodes_.clear();
    texts_.clear();
    Visit(root);
  }
  void Visit(Message& message) {
    nodes_.push_back(&message);
    const Reflection& r = *message.GetReflection();
    std::vector<const FieldDescriptor*> set;
    r.ListFields(message, &set);
    for (const FieldDescriptor* field : set) {
      const int many = field->is_repeated() ? r.FieldSize(message, field) : 1;
      for (int i = 0; i < many; ++i) {
        if (field->message_type() != nullptr) {
          Visit(field->is_repeated() ? *r.MutableRepeatedMessage(&message, field, i)
                                     : *r.MutableMessage(&message, field));
        } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
          texts_.push_back(field->is_repeated() ? r.GetRepeatedString(message, field, i)
                                                : r.GetString(message, field));
        }
      }
    }
  }

  // Another message of the same type takes its place. False: there is none.
  bool CopyOnto(Message& node) {
    std::vector<const Message*> alike;
    for (const Message* other : nodes_) {
      if (other != &node && other->GetDescriptor() == node.GetDescriptor()) alike.push_back(other);
    }
    if (alike.empty()) return false;
    // By way of a copy: one may hold the other.
    const std::unique_ptr<Message> copy(node.New());
    copy->CopyFrom(*alike[Pick(alike.size())]);
    node.CopyFrom(*copy);
    return true;
  }

  void ChangeSomeField(Message& message, int depth) {
    const auto& type = *message.GetDescriptor();
    if (type.field_count() == 0) return;
    std::vector<const FieldDescriptor*> set;
    message.GetReflection()->ListFields(message, &set);
    const FieldDescriptor* field =
        !set.empty() && Pick(2) == 0
            ? set[Pick(set.size())]
            : type.field(static_cast<int>(Pick(static_cast<size_t>(type.field_count()))));
    if (field->is_repeated()) {
      ChangeList(message, field, depth);
    } else if (message.GetReflection()->HasField(message, field) && Pick(6) == 0) {
      message.GetReflection()->ClearField(&message, field);
    } else {
      Change(message, field, -1, depth);
    }
  }

  void ChangeList(Message& message, const FieldDescriptor* field, int depth) {
    const Reflection& r = *message.GetReflection();
    const int size = r.FieldSize(message, field);
    const auto some = [&] { return static_cast<int>(Pick(static_cast<size_t>(size))); };
    switch (size == 0 ? 0 : Pick(6)) {
      case 0:
        Add(message, field, depth);
        break;
      case 1:
        r.SwapElements(&message, field, some(), size - 1);
        r.RemoveLast(&message, field);
        break;
      case 2:
        r.SwapElements(&message, field, some(), some());
        break;
      case 3:
        // Once more.
        if (field->message_type() != nullptr) {
          r.AddMessage(&message, field)->CopyFrom(r.GetRepeatedMessage(message, field, some()));
          r.SwapElements(&message, field, some(), size);
        }
        break;
      default:
        Change(message, field, some(), depth);
        break;
    }
  }

  void Add(Message& message, const FieldDescriptor* field, int depth) {
    const Reflection& r = *message.GetReflection();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return r.AddInt32(&message, field, Number<int32_t>(0));
      case FieldDescriptor::CPPTYPE_INT64:
        return r.AddInt64(&message, field, Number<int64_t>(0));
      case FieldDescriptor::CPPTYPE_UINT32:
        return r.AddUInt32(&message, field, Number<uint32_t>(0));
      case FieldDescriptor::CPPTYPE_UINT64:
        return r.AddUInt64(&message, field, Number<uint64_t>(0));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return r.AddDouble(&message, field, Real(0));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return r.AddFloat(&message, field, static_cast<float>(Real(0)));
      case FieldDescriptor::CPPTYPE_BOOL:
        return r.AddBool(&message, field, Pick(2) == 0);
      case FieldDescriptor::CPPTYPE_ENUM:
        return r.AddEnumValue(&message, field, EnumValue(field));
      case FieldDescriptor::CPPTYPE_STRING:
        return r.AddString(&message, field, Text(field, ""));
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Fill(*r.AddMessage(&message, field), depth + 1);
    }
  }

  // The field's value; `index` -1: its only one.
  void Change(Message& m, const FieldDescriptor* f, int index, int depth) {
    const Reflection& r = *m.GetReflection();
    const bool many = index >= 0;
    switch (f->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return many ? r.SetRepeatedInt32(&m, f, index, Number(r.GetRepeatedInt32(m, f, index)))
                    : r.SetInt32(&m, f, Number(r.GetInt32(m, f)));
      case FieldDescriptor::CPPTYPE_INT64:
        return many ? r.SetRepeatedInt64(&m, f, index, Number(r.GetRepeatedInt64(m, f, index)))
                    : r.SetInt64(&m, f, Number(r.GetInt64(m, f)));
      case FieldDescriptor::CPPTYPE_UINT32:
        return many ? r.SetRepeatedUInt32(&m, f, index, Number(r.GetRepeatedUInt32(m, f, index)))
                    : r.SetUInt32(&m, f, Number(r.GetUInt32(m, f)));
      case FieldDescriptor::CPPTYPE_UINT64:
        return many ? r.SetRepeatedUInt64(&m, f, index, Number(r.GetRepeatedUInt64(m, f, index)))
                    : r.SetUInt64(&m, f, Number(r.GetUInt64(m, f)));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return many ? r.SetRepeatedDouble(&m, f, index, Real(r.GetRepeatedDouble(m, f, index)))
                    : r.SetDouble(&m, f, Real(r.GetDouble(m, f)));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return many ? r.SetRepeatedFloat(&m, f, index, static_cast<float>(Real(0)))
                    : r.SetFloat(&m, f, static_cast<float>(Real(0)));
      case FieldDescriptor::CPPTYPE_BOOL:
        return many ? r.SetRepeatedBool(&m, f, index, !r.GetRepeatedBool(m, f, index))
                    : r.SetBool(&m, f, !r.GetBool(m, f));
      case FieldDescriptor::CPPTYPE_ENUM:
        return many ? r.SetRepeatedEnumValue(&m, f, index, EnumValue(f))
                    : r.SetEnumValue(&m, f, EnumValue(f));
      case FieldDescriptor::CPPTYPE_STRING:
        return many ? r.SetRepeatedString(&m, f, index, Text(f, r.GetRepeatedString(m, f, index)))
                    : r.SetString(&m, f, Text(f, r.GetString(m, f)));
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return many               ? ChangeSomeField(*r.MutableRepeatedMessage(&m, f, index), depth + 1)
               : r.HasField(m, f) ? ChangeSomeField(*r.MutableMessage(&m, f), depth + 1)
                                  : Fill(*r.MutableMessage(&m, f), depth + 1);
    }
  }

  // A new message: some of its fields get values.
  void Fill(Message& message, int depth) {
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor* field = message.GetDescriptor()->field(i);
      if (Pick(3) != 0 || (field->message_type() != nullptr && depth >= kNewDepthMax)) continue;
      if (field->is_repeated()) {
        Add(message, field, depth);
      } else {
        Change(message, field, -1, depth);
      }
    }
  }

  template <typename T>
  T Number(T old) {
    using Unsigned = std::make_unsigned_t<T>;
    constexpr T kEdges[] = {0,
                            1,
                            static_cast<T>(-1),
                            std::numeric_limits<T>::min(),
                            std::numeric_limits<T>::max(),
                            std::numeric_limits<T>::max() - 1};
    switch (Pick(4)) {
      case 0:
        return kEdges[Pick(std::size(kEdges))];
      case 1:
        return static_cast<T>(Pick(16));
      case 2:
        return static_cast<T>(static_cast<Unsigned>(old) + static_cast<Unsigned>(Pick(9)) - 4);
      default:
        return Bytewise(old);
    }
  }

  double Real(double old) {
    constexpr double kEdges[] = {0,
                                 1,
                                 -1,
                                 0.5,
                                 1e300,
                                 std::numeric_limits<double>::infinity(),
                                 std::numeric_limits<double>::quiet_NaN()};
    return Pick(2) == 0 ? kEdges[Pick(std::size(kEdges))] : Bytewise(old);
  }

  template <typename T>
  T Bytewise(T value) {
    uint8_t bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    LLVMFuzzerMutate(bytes, sizeof(T), sizeof(T));
    std::memcpy(&value, bytes, sizeof(T));
    return value;
  }

  int EnumValue(const FieldDescriptor* field) {
    const auto& type = *field->enum_type();
    if (Pick(8) == 0) return static_cast<int>(Pick(64)) - 8;
    return type.value(static_cast<int>(Pick(static_cast<size_t>(type.value_count()))))->number();
  }

  std::string Text(const FieldDescriptor* field, std::string old) {
    if (!texts_.empty() && Pick(4) == 0) {
      old = texts_[Pick(texts_.size())];
    } else {
      const size_t size = old.size();
      old.resize(size + kTextGrowsBy);
      old.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(old.data()), size, old.size()));
    }
    return field->type() == FieldDescriptor::TYPE_BYTES ? old : Utf8(std::move(old));
  }

  // Texts that are not UTF-8 would not be read again.
  static std::string Utf8(std::string text) {
    if (google::protobuf::internal::IsStructurallyValidUTF8(text.data(), static_cast<int>(text.size())))
      return text;
    for (char& c : text) {
      if (static_cast<uint8_t>(c) >= 0x80) c = '?';
    }
    return text;
  }

  std::minstd_rand random_;
  std::vector<Message*> nodes_;
  std::vector<std::string> texts_;
};

// 0: it does not fit.
size_t Write(const Message& message, uint8_t* out, size_t max_size) {
  const size_t size = message.ByteSizeLong();
  if (size == 0 || size > max_size) return 0;
  message.SerializeWithCachedSizesToArray(out);
  return size;
}

}  // namespace

bool ReadMessage(Message& message, const uint8_t* data, size_t size) {
  google::protobuf::io::CodedInputStream in(data, static_cast<int>(size));
  in.SetRecursionLimit(kNestingMax);
  return message.ParseFromCodedStream(&in) && in.ConsumedEntireMessage();
}

size_t MutateMessage(Message& message, uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  Mutator mutator(seed);
  if (!ReadMessage(message, data, size)) message.Clear();
  for (size_t changes = 1 + mutator.Pick(3); changes > 0; --changes) mutator.Mutate(message);
  const size_t written = Write(message, data, max_size);
  return written > 0 ? written : size;
}

size_t CrossMessages(Message& message, const uint8_t* one, size_t one_size, const uint8_t* other,
                     size_t other_size, uint8_t* out, size_t max_size, unsigned seed) {
  Mutator mutator(seed);
  const std::unique_ptr<Message> donor(message.New());
  if (!ReadMessage(message, one, one_size) || !ReadMessage(*donor, other, other_size)) return 0;
  mutator.Cross(message, *donor);
  return Write(message, out, max_size);
}

}  // namespace perdure::fuzz
