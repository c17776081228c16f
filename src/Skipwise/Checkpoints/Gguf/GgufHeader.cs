using Skipwise.Checkpoints.Formats;
using Skipwise.Storage.Gguf;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>
/// What is before the tensors' bytes in a GGUF file: metadata, and name, shape, type and place of each tensor. Its numbers are checked
/// against each other and against the file's length: the tensors follow one another, each aligned, as llama.cpp requires.
/// </summary>
internal sealed record GgufHeader(GgufMetadata Metadata, IReadOnlyList<TensorEntry> Tensors)
{
    private const int MostDimensions = 4, LongestName = 63; // ggml's limits

    /// <summary>Parses and checks a header.</summary>
    /// <param name="file">at the file's beginning</param>
    /// <exception cref="SkipwiseException">the file is no GGUF, of an unsupported version, cut off or damaged</exception>
    public static GgufHeader Parse(GgufCursor file)
    {
        (GgufMetadata metadata, int tensorCount) = GgufStart.Parse(file);
        uint alignment = GgufMetadata.DefaultAlignment;
        if (metadata.Values.ContainsKey(GgufMetadata.AlignmentKey) && !metadata.TryGet(GgufMetadata.AlignmentKey, out alignment))
        {
            throw file.Error($"{GgufMetadata.AlignmentKey} is not a 32-bit number");
        }
        if (alignment == 0 || (alignment & (alignment - 1)) != 0)
        {
            throw file.Error($"{GgufMetadata.AlignmentKey} is {alignment}, which is no power of two");
        }
        return new(metadata, Entries(file, tensorCount, alignment));
    }

    /// <param name="Offset">from the beginning of the tensors' bytes</param>
    private readonly record struct Listed(string Name, GgufType Type, long[] Shape, long Bytes, ulong Offset);

    private static TensorEntry[] Entries(GgufCursor file, int count, uint alignment)
    {
        var listed = new List<Listed>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < count; i++)
        {
            Listed tensor = Entry(file);
            listed.Add(tensor);
            if (!names.Add(tensor.Name))
            {
                throw file.Error($"the tensor {tensor.Name} is there twice");
            }
        }
        Int128 Aligned(Int128 bytes) => (bytes + alignment - 1) / alignment * alignment;
        Int128 start = Aligned(file.Position), reached = 0;
        var entries = new TensorEntry[count];
        for (int i = 0; i < count; i++)
        {
            Listed tensor = listed[i];
            if (tensor.Offset != reached)
            {
                throw file.Error($"tensor {tensor.Name} begins at byte {tensor.Offset} of the data, expected {reached}");
            }
            if (start + reached + tensor.Bytes > file.Length)
            {
                throw file.Error($"tensor {tensor.Name} ends at byte {start + reached + tensor.Bytes}, but the file has {file.Length}");
            }
            entries[i] = new(tensor.Name, tensor.Type.Stored, tensor.Shape, (long)(start + reached), tensor.Bytes);
            reached += Aligned(tensor.Bytes);
        }
        return entries;
    }

    private static Listed Entry(GgufCursor file)
    {
        string name = file.Text("a tensor's name");
        uint dimensions = file.UInt32();
        if (name.Length is 0 or > LongestName || dimensions > MostDimensions)
        {
            throw file.Error($"the tensor \"{name}\" has a name of {name.Length} characters and {dimensions} dimensions; at most " +
                $"{LongestName} and {MostDimensions} are allowed");
        }
        var shape = new long[dimensions];
        Int128 elements = 1;
        for (int i = 1; i <= shape.Length; i++)
        {
            ulong size = file.UInt64();
            elements *= Math.Max(size, 1); // a size of 0 counts as 1 in this check, as in libtorch's strides
            if (size > long.MaxValue || elements > long.MaxValue)
            {
                throw file.Error($"the tensor {name} has more elements than 64 bits can count");
            }
            shape[^i] = (long)size; // the innermost is first in the file
        }
        uint number = file.UInt32();
        GgufType type = GgufType.FromId(number) ?? throw file.Error(
            $"the tensor {name} has the unknown type {number}", $"Use one of {GgufType.Readable}");
        if (shape.LastOrDefault(1) is var row && row % type.BlockElements != 0)
        {
            throw file.Error($"the tensor {name} has rows of {row}, which are no multiple of {type.Name}'s {type.BlockElements}");
        }
        Int128 bytes = shape.Contains(0) ? 0 : elements / type.BlockElements * type.BlockBytes;
        return bytes > file.Length ? throw file.Error($"the tensor {name} needs {bytes} bytes; the file has {file.Length}")
            : new(name, type, shape, (long)bytes, file.UInt64());
    }
}
