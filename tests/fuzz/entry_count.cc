#include "tests/fuzz/entry_count.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/unknown_field_set.h>

#include <vector>

namespace perdure::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

int64_t CountUnknown(const google::protobuf::UnknownFieldSet& fields) {
  int64_t count = fields.field_count();
  for (int i = 0; i < fields.field_count(); ++i) {
    if (fields.field(i).type() == google::protobuf::UnknownField::TYPE_GROUP)
      count += CountUnknown(fields.field(i).group());
  }
  return count;
}

int64_t CountInside(const Message& message) {
  const Reflection& r = *message.GetReflection();
  int64_t count = CountUnknown(r.GetUnknownFields(message));
  std::vector<const FieldDescriptor*> set;
  r.ListFields(message, &set);
  for (const FieldDescriptor* field : set) {
    const int many = field->is_repeated() ? r.FieldSize(message, field) : 1;
    if (field->message_type() != nullptr) {
      for (int i = 0; i < many; ++i)
        count += 1 + CountInside(field->is_repeated() ? r.GetRepeatedMessage(message, field, i)
                                                      : r.GetMessage(message, field));
    } else if (field->is_repeated() && field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      count += many;
    }
  }
  return count;
}

}  // namespace

EntryCount CountEntries(const Message& message) {
  const Reflection& r = *message.GetReflection();
  EntryCount count;
  count.outer = r.GetUnknownFields(message).field_count();
  std::vector<const FieldDescriptor*> set;
  r.ListFields(message, &set);
  for (const FieldDescriptor* field : set)
    count.outer += field->is_repeated() && !field->is_packed() ? r.FieldSize(message, field) : 1;
  count.all = CountInside(message);
  return count;
}

}  // namespace perdure::fuzz
