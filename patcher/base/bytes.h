/* Little-endian numbers in bytes of any alignment. */
#ifndef PP_BASE_BYTES_H
#define PP_BASE_BYTES_H

#include <stdint.h>

static inline uint16_t pp_le16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t pp_le32(const uint8_t *bytes) {
    return pp_le16(bytes) | (uint32_t)pp_le16(bytes + 2) << 16;
}

static inline uint64_t pp_le64(const uint8_t *bytes) {
    return pp_le32(bytes) | (uint64_t)pp_le32(bytes + 4) << 32;
}

static inline void pp_le16_put(uint8_t *bytes, uint16_t number) {
    bytes[0] = (uint8_t)number;
    bytes[1] = (uint8_t)(number >> 8);
}

static inline void pp_le32_put(uint8_t *bytes, uint32_t number) {
    pp_le16_put(bytes, (uint16_t)number);
    pp_le16_put(bytes + 2, (uint16_t)(number >> 16));
}

#endif
