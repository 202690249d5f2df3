// SmallEvent: what the small model reads of an event, by Jackson's streaming parser: no tree, no reflection, and strings
// only of the few fields that are used. One object is used again for every record.

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;

final class SmallEvent {
    enum Type { PLACED, PROMISED, DELIVERED, OPENED, REPLIED, REVIEWED, OTHER }

    static final long NO_TIME = Long.MIN_VALUE;
    private static final JsonFactory JSON = new JsonFactory();
    private static final Map<String, Type> TYPES = new HashMap<>();

    static {
        TYPES.put("order.placed", Type.PLACED);
        TYPES.put("delivery.promised", Type.PROMISED);
        TYPES.put("delivery.delivered", Type.DELIVERED);
        TYPES.put("complaint.opened", Type.OPENED);
        TYPES.put("complaint.replied", Type.REPLIED);
        TYPES.put("review.submitted", Type.REVIEWED);
    }

    Type type;
    long time;
    long due;
    int stars;
    private String promise;
    private String complaint;

    /** False: it is no event. */
    boolean read(byte[] bytes) {
        type = null;
        time = NO_TIME;
        due = NO_TIME;
        stars = 0;
        promise = null;
        complaint = null;
        try (JsonParser json = JSON.createParser(bytes)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                return false;
            }
            for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
                json.nextToken();
                switch (name) {
                    case "type": type = TYPES.getOrDefault(json.getText(), Type.OTHER); break;
                    case "time": time = timeOf(json); break;
                    case "data": readData(json); break;
                    default: json.skipChildren(); break;
                }
            }
            return type != null && time != NO_TIME;
        } catch (IOException malformed) {
            return false;
        }
    }

    byte[] object() {
        String object = promise != null && (type == Type.PROMISED || type == Type.DELIVERED) ? promise : complaint;
        return object == null ? new byte[0] : object.getBytes(StandardCharsets.UTF_8);
    }

    private void readData(JsonParser json) throws IOException {
        for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
            json.nextToken();
            switch (name) {
                case "promise_id": promise = json.getText(); break;
                case "complaint_id": complaint = json.getText(); break;
                case "due_at": due = timeOf(json); break;
                case "stars": stars = json.getIntValue(); break;
                default: json.skipChildren(); break;
            }
        }
    }

    /** YYYY-MM-DDTHH:MM:SS[.f…]Z in microseconds since 1970. */
    private static long timeOf(JsonParser json) throws IOException {
        char[] text = json.getTextCharacters();
        int begin = json.getTextOffset();
        int size = json.getTextLength();
        if (size < 20 || text[begin + size - 1] != 'Z') {
            return NO_TIME;
        }
        int year = number(text, begin, 4);
        int month = number(text, begin + 5, 2);
        int day = number(text, begin + 8, 2);
        long seconds = days(year, month, day) * 86_400L + number(text, begin + 11, 2) * 3_600L + number(text, begin + 14, 2) * 60L
            + number(text, begin + 17, 2);
        long micros = 0;
        int digits = 0;
        for (int at = begin + 20; at < begin + size - 1 && digits < 6; at++, digits++) {
            micros = micros * 10 + (text[at] - '0');
        }
        for (; digits < 6; digits++) {
            micros *= 10;
        }
        return seconds * 1_000_000L + micros;
    }

    private static int number(char[] text, int at, int digits) {
        int value = 0;
        for (int i = 0; i < digits; i++) {
            value = value * 10 + (text[at + i] - '0');
        }
        return value;
    }

    /** Of the Gregorian calendar, since 1970-01-01. */
    private static long days(int year, int month, int day) {
        int y = month <= 2 ? year - 1 : year;
        int era = y / 400;
        int ofEra = y - era * 400;
        int ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        return era * 146_097L + ofEra * 365L + ofEra / 4 - ofEra / 100 + ofYear - 719_468L;
    }
}
