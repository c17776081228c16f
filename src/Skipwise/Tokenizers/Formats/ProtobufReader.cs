using System.Buffers.Binary;
using System.Text;

namespace Skipwise.Tokenizers.Formats;

/// <summary>Iterates over the fields of one protobuf message. Invalid input throws <see cref="FormatException"/>.</summary>
internal ref struct ProtobufReader(ReadOnlySpan<byte> message)
{
    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private ReadOnlySpan<byte> _rest = message;
    private ReadOnlySpan<byte> _bytes; // content of a length-delimited field, or of a 32-bit field
    private ulong _number;

    /// <summary>The number of the field that was read last.</summary>
    public int Field { get; private set; }

    public readonly ReadOnlySpan<byte> Bytes => _bytes;
    public readonly bool Truth => _number != 0;
    public readonly int Number => (int)(long)_number; // negative numbers are written as 64 bits
    public readonly float Single =>
        _bytes.Length == 4 ? BinaryPrimitives.ReadSingleLittleEndian(_bytes) : throw new FormatException("a number is not a float");

    public readonly string Text
    {
        get
        {
            try
            {
                return s_strictUtf8.GetString(_bytes);
            }
            catch (DecoderFallbackException e)
            {
                throw new FormatException("a text is not UTF-8", e);
            }
        }
    }

    /// <summary>Moves to the next field; false at the end of the message.</summary>
    public bool Read()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }
        ulong key = Varint();
        Field = (int)(key >> 3);
        _number = 0;
        _bytes = default;
        switch (key & 7)
        {
            case 0:
                _number = Varint();
                break;
            case 1:
                _bytes = Take(8);
                break;
            case 2:
                _bytes = Take(Varint());
                break;
            case 5:
                _bytes = Take(4);
                break;
            default:
                throw new FormatException($"field {Field} has an unknown wire type");
        }
        return true;
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)_rest.Length)
        {
            throw new FormatException($"field {Field} claims {length} bytes, {_rest.Length} are left");
        }
        var taken = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return taken;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int i = 0; i < 10; i++)
        {
            if (i >= _rest.Length)
            {
                throw new FormatException("the file ends within a number");
            }
            value |= (ulong)(_rest[i] & 0x7F) << (7 * i);
            if (_rest[i] < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return value;
            }
        }
        throw new FormatException("a number has more than 64 bits");
    }
}
