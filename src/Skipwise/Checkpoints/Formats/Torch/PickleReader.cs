using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Skipwise.Checkpoints.Formats.Torch;

/// <summary>
/// Runs the stack machine of a pickle (docs.python.org, pickletools), with the operations that <c>torch.save</c> of a state dict uses. A
/// pickle is a program that can call any global. Here globals are only names, and <see cref="SafeGlobals"/> implements the few that build
/// tensors. Any other is an error that names it, so no code of a file is run.
/// </summary>
internal ref struct PickleReader
{
    private readonly ReadOnlySpan<byte> _pickle;
    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = []; // stack heights; only MARK's own operation may pop below them
    private readonly Dictionary<uint, object?> _memo = [];
    private int _at;

    private PickleReader(ReadOnlySpan<byte> pickle) => _pickle = pickle;

    /// <summary>Reads the object that the pickle describes.</summary>
    /// <exception cref="FormatException">an invalid pickle; the message lacks the file's name</exception>
    public static object? Read(ReadOnlySpan<byte> pickle)
    {
        var reader = new PickleReader(pickle);
        while (reader.Step()) { }
        return reader.Pop();
    }

    /// <returns>false after the last operation, which leaves the object on the stack</returns>
    private bool Step()
    {
        int place = _at;
        byte operation = Byte();
        switch (operation)
        {
            case 0x80: Byte(); break; // PROTO
            case 0x95: Bytes(8); break; // FRAME: a hint for buffering
            case (byte)'.': return false;

            case (byte)'N': Push(null); break;
            case 0x88: Push(true); break;
            case 0x89: Push(false); break;
            case (byte)'K': Push((long)Byte()); break;
            case (byte)'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2))); break;
            case (byte)'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Bytes(4))); break;
            case 0x8A: Push(Long(Byte())); break;
            case 0x8B: Push(Long(Length(4))); break;
            case (byte)'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Bytes(8))); break;
            case 0x8C: Push(Text(Byte())); break;
            case (byte)'X': Push(Text(Length(4))); break;
            case 0x8D: Push(Text(Length(8))); break;

            case (byte)'(': _marks.Add(_stack.Count); break;
            case (byte)')': Push(Array.Empty<object?>()); break;
            case (byte)'t': Push(PopToMark()); break;
            case 0x85: Push(PopMany(1)); break;
            case 0x86: Push(PopMany(2)); break;
            case 0x87: Push(PopMany(3)); break;
            case (byte)']': Push(new List<object?>()); break;
            case (byte)'a': Append([Pop()]); break;
            case (byte)'e': Append(PopToMark()); break;
            case (byte)'}': Push(new PickleDictionary()); break;
            case (byte)'s': SetItems(PopMany(2)); break;
            case (byte)'u': SetItems(PopToMark()); break;
            case (byte)'0': Pop(); break;
            case (byte)'2': Push(Peek()); break;

            case (byte)'q': _memo[Byte()] = Peek(); break;
            case (byte)'r': _memo[BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))] = Peek(); break;
            case 0x94: _memo[(uint)_memo.Count] = Peek(); break;
            case (byte)'h': Recall(Byte()); break;
            case (byte)'j': Recall(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))); break;

            case (byte)'c': Push(new PickleGlobal($"{Line()}.{Line()}")); break;
            case 0x93:
                object?[] name = PopMany(2);
                Push(new PickleGlobal(name is [string module, string member] ? $"{module}.{member}"
                    : throw new FormatException("a name is no text")));
                break;
            case (byte)'Q': Push(SafeGlobals.Storage(Pop())); break;
            case (byte)'R':
                object? arguments = Pop();
                Push(SafeGlobals.Call(Pop(), arguments));
                break;
            case (byte)'b': // an ordered dictionary's attributes: the versions of its modules
                Pop();
                _ = Peek() as PickleDictionary
                    ?? throw new FormatException($"the object at byte {place} takes a state, but it is no dictionary");
                break;
            default:
                throw new FormatException($"operation 0x{operation:X2} at byte {place}, which a file of tensors never needs");
        }
        return true;
    }

    private void Append(object?[] items) =>
        (Peek() as List<object?> ?? throw new FormatException($"appends at byte {_at} to what is no list")).AddRange(items);

    private void SetItems(object?[] items)
    {
        PickleDictionary dictionary = Peek() as PickleDictionary
            ?? throw new FormatException($"sets items at byte {_at} of what is no dictionary");
        if (items.Length % 2 != 0)
        {
            throw new FormatException($"sets a key without a value at byte {_at}");
        }
        for (int i = 0; i < items.Length; i += 2)
        {
            dictionary.Add(items[i], items[i + 1]);
        }
    }

    private void Recall(uint index) =>
        Push(_memo.TryGetValue(index, out object? value) ? value
            : throw new FormatException($"recalls at byte {_at} what was never noted ({index})"));

    private void Push(object? value) => _stack.Add(value);

    private object? Peek() =>
        _stack.Count > (_marks is [.., int mark] ? mark : 0) ? _stack[^1] : throw new FormatException($"the stack is empty at byte {_at}");

    private object? Pop()
    {
        object? top = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return top;
    }

    private object?[] PopMany(int count)
    {
        var items = new object?[count];
        for (int i = count - 1; i >= 0; i--)
        {
            items[i] = Pop();
        }
        return items;
    }

    private object?[] PopToMark()
    {
        if (_marks is not [.., int mark])
        {
            throw new FormatException($"no mark on the stack at byte {_at}");
        }
        _marks.RemoveAt(_marks.Count - 1);
        object?[] items = [.. CollectionsMarshal.AsSpan(_stack)[mark..]];
        _stack.RemoveRange(mark, items.Length);
        return items;
    }

    private byte Byte() => Bytes(1)[0];

    private ReadOnlySpan<byte> Bytes(int count)
    {
        if (count > _pickle.Length - _at)
        {
            throw new FormatException($"the pickle ends at byte {_pickle.Length}, in the middle of an operation: it is cut off");
        }
        ReadOnlySpan<byte> bytes = _pickle.Slice(_at, count);
        _at += count;
        return bytes;
    }

    /// <summary>A length of 4 or 8 bytes, no larger than what is left.</summary>
    private int Length(int size)
    {
        ReadOnlySpan<byte> bytes = Bytes(size);
        ulong length = size == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        return length <= (ulong)(_pickle.Length - _at)
            ? (int)length
            : throw new FormatException($"claims {length} bytes at byte {_at}, more than are left");
    }

    private string Text(int length) => Encoding.UTF8.GetString(Bytes(length));

    private long Long(int length)
    {
        if (length > 8)
        {
            throw new FormatException($"a whole number of {length} bytes at byte {_at}");
        }
        ReadOnlySpan<byte> bytes = Bytes(length);
        long value = length > 0 && (bytes[^1] & 0x80) != 0 ? -1 : 0;
        for (int i = length - 1; i >= 0; i--)
        {
            value = value << 8 | bytes[i];
        }
        return value;
    }

    private string Line()
    {
        int length = _pickle[_at..].IndexOf((byte)'\n');
        if (length < 0)
        {
            throw new FormatException($"a name at byte {_at} does not end");
        }
        string text = Text(length);
        _at++;
        return text;
    }
}
