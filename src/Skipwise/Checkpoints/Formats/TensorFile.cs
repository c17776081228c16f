using Microsoft.Win32.SafeHandles;
using Skipwise.Kernels;
using Skipwise.Storage;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Formats;

/// <summary>
/// A file of named tensors, open for reading. A format only reads the list of tensors and their places in the file; this class reads the
/// tensors, one by one, directly into their destination.
/// </summary>
public abstract class TensorFile : IDisposable
{
    // Conversions by libtorch use a buffer of this many bytes, so that a large tensor needs no second copy.
    private const int PieceBytes = 1 << 24;
    private const int SliceElements = 1 << 16; // of blocks, which one thread converts
    private readonly SafeFileHandle _handle;
    private readonly Lazy<MappedFile?> _pages;

    /// <param name="isMapped">whether the format aligns its tensors, so that they can be used where they are</param>
    private protected TensorFile(string path, SafeFileHandle handle, IEnumerable<TensorEntry> tensors,
        IReadOnlyDictionary<string, string> metadata, bool isMapped = false)
    {
        Path = path;
        _handle = handle;
        _pages = new(() => isMapped ? MappedFile.Open(handle, path) : null);
        Metadata = metadata;
        Tensors = new OrderedDictionary<string, TensorEntry>(tensors.Select(t => KeyValuePair.Create(t.Name, t)));
    }

    /// <summary>Path of the file.</summary>
    public string Path { get; }

    /// <summary>The tensors by name, in the order of the file.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors { get; }

    /// <summary>The <c>__metadata__</c> of a safetensors file; empty if there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Reads the tensor's bytes as stored. The destination must have exactly this length.</summary>
    public void ReadBytes(TensorEntry tensor, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, tensor.Length, nameof(destination));
        FileBytes.Read(_handle, destination, tensor.Offset, Path);
    }

    /// <summary>Maps a CPU tensor onto the file. It takes no memory of its own until it is changed, and never changes the file.</summary>
    /// <param name="alignment">required alignment of its address; 1 if results may depend on it in the last bit</param>
    /// <returns>the tensor, which the caller owns and which stays valid after the file is closed; null if the bytes must be read
    /// instead</returns>
    /// <exception cref="SkipwiseException">the file is shorter than when it was opened, or the disk fails</exception>
    public Tensor? Map(TensorEntry tensor, int alignment = MappedFile.Alignment) =>
        tensor is { Type.Torch: { } type, View: null, Added: 0 } ? _pages.Value?.MapTensor(tensor, type, alignment, Path) : null;

    /// <summary>Reads a tensor into a new CPU tensor of the stored type. The caller owns it (or the scope around the call).</summary>
    public Tensor Read(TensorEntry tensor)
    {
        Tensor result = empty([.. tensor.Shape], TorchTypeOf(tensor));
        ReadInto(tensor, result);
        return result;
    }

    /// <summary>Reads a tensor into a contiguous tensor of the same shape, on any device. Converts between f64, f32, f16 and
    /// bf16.</summary>
    /// <exception cref="SkipwiseException">the shape differs, the types do not convert, or the file is shorter than when it was
    /// opened</exception>
    public unsafe void ReadInto(TensorEntry tensor, Tensor destination)
    {
        ScalarType type = TorchTypeOf(tensor);
        if (!tensor.Shape.SequenceEqual(destination.shape))
        {
            throw new SkipwiseException(
                $"{Path}: tensor {tensor.Name}: expected shape {TensorEntry.Describe(destination.shape)}, found " +
                $"{TensorEntry.Describe(tensor.Shape)}");
        }
        if (type != destination.dtype
            && !(tensor.Type.IsReadAsFloat && StoredType.FromScalarType(destination.dtype).IsFloat))
        {
            throw new SkipwiseException(
                $"{Path}: tensor {tensor.Name}: found {tensor.Type}, which does not convert to {destination.dtype}");
        }
        if (destination.numel() == 0)
        {
            return;
        }
        using IDisposable noGradient = no_grad();
        using Tensor flat = destination.view(-1);
        if (tensor.View is null && tensor.Added == 0)
        {
            ReadInOrder(tensor, type, flat);
        }
        else
        {
            ReadChanged(tensor, type, flat);
        }
    }

    /// <summary>Reads elements that are used as they are and where they are.</summary>
    private unsafe void ReadInOrder(TensorEntry tensor, ScalarType type, Tensor flat)
    {
        if (tensor.Type.Blocks is { } blocks)
        {
            ReadBlocks(tensor, blocks, flat);
        }
        else if (flat.device_type == DeviceType.CPU && ElementConversion.For(type, flat.dtype) is { } widening)
        {
            using TensorPointers pointers = new();
            DirectReader.Fill(_handle, Path, tensor.Offset, pointers.ToBytes(flat), flat.numel(), widening);
        }
        else
        {
            ReadThroughTorch(tensor, type, flat);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_pages.IsValueCreated)
        {
            _pages.Value?.Dispose();
        }
        _handle.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Opens a file and reads its list of tensors. Closes the file if that fails.</summary>
    private protected static T Open<T>(string path, Func<SafeFileHandle, T> read)
    {
        SafeFileHandle? handle = null;
        try
        {
            handle = InputFile.OpenHandle(path);
            return read(handle);
        }
        catch (Exception e)
        {
            handle?.Dispose();
            if (e is IOException or UnauthorizedAccessException)
            {
                throw new SkipwiseException($"{path}: cannot be read: {e.Message}", e);
            }
            throw;
        }
    }

    private void ReadThroughTorch(TensorEntry tensor, ScalarType type, Tensor flat)
    {
        long step = PieceBytes / tensor.Type.Size;
        using Tensor piece = empty(Math.Min(step, flat.numel()), type);
        for (long start = 0; start < flat.numel(); start += step)
        {
            long count = Math.Min(step, flat.numel() - start);
            using Tensor target = flat.narrow(0, start, count);
            using Tensor source = piece.narrow(0, 0, count);
            using TensorPointers pointers = new();
            FileBytes.Read(_handle, pointers.Bytes(source), tensor.Offset + (start * tensor.Type.Size), Path);
            target.copy_(source);
        }
    }

    private unsafe void ReadBlocks(TensorEntry tensor, BlockFormat blocks, Tensor flat)
    {
        int step = Whole(PieceBytes / sizeof(float)), slice = Whole(SliceElements);
        using Tensor piece = empty(Math.Min(step, flat.numel()), ScalarType.Float32);
        byte[] stored = new byte[piece.numel() / blocks.Elements * blocks.Bytes];
        using TensorPointers pointers = new();
        float* values = pointers.To<float>(piece);
        for (long start = 0; start < flat.numel(); start += step)
        {
            int count = (int)Math.Min(step, flat.numel() - start);
            FileBytes.Read(_handle, stored.AsSpan(0, BytesOf(count)), tensor.Offset + (start / blocks.Elements * blocks.Bytes), Path);
            void DecodeSlice(int thread, int index)
            {
                int first = index * slice, elements = Math.Min(slice, count - first);
                blocks.Decode!(stored.AsSpan(BytesOf(first), BytesOf(elements)), new Span<float>(values + first, elements));
            }
            ParallelWork.For(get_num_threads(), (count + slice - 1) / slice, DecodeSlice);
            using Tensor target = flat.narrow(0, start, count), source = piece.narrow(0, 0, count);
            target.copy_(source);
        }

        int Whole(int elements) => elements / blocks.Elements * blocks.Elements;
        int BytesOf(int elements) => elements / blocks.Elements * blocks.Bytes;
    }

    /// <summary>Reads elements into memory of their own first: they are in another order there, or something is added to them.</summary>
    private void ReadChanged(TensorEntry tensor, ScalarType type, Tensor flat)
    {
        long count = tensor.Type.Blocks is { } blocks ? tensor.Length / blocks.Bytes * blocks.Elements : tensor.Length / tensor.Type.Size;
        using Tensor stored = empty(count, type);
        ReadInOrder(tensor, type, stored);
        if (tensor.Added != 0)
        {
            stored.add_(tensor.Added);
        }
        if (tensor.View is null)
        {
            flat.copy_(stored);
            return;
        }
        using Tensor inOrder = stored.as_strided([.. tensor.View.Sizes], [.. tensor.View.Strides]);
        using Tensor target = flat.view([.. tensor.View.Sizes]);
        target.copy_(inOrder);
    }

    /// <summary>The type that a tensor is read as; float32 for elements in blocks.</summary>
    private ScalarType TorchTypeOf(TensorEntry tensor) => tensor.Type.ReadAs
        ?? throw new SkipwiseException(
            $"{Path}: tensor {tensor.Name}: there is no tensor type for {tensor.Type}. Convert the file to F32, F16 or BF16 first");
}
