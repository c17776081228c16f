using Microsoft.Win32.SafeHandles;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.Formats.Torch;

/// <summary>
/// A file written by <c>torch.save</c> (since PyTorch 1.6): a zip archive with one pickle, which describes a dictionary of tensors, and
/// one uncompressed record of elements per storage. Opening reads only the pickle and executes no code of it (see
/// <see cref="PickleReader"/>).
/// </summary>
internal sealed class TorchFile : TensorFile
{
    private const int LongestPickle = 1 << 25; // some 150,000 tensors
    private static readonly byte[] s_zip = "PK"u8.ToArray();
    private static readonly byte[] s_legacyMagic = [0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19];
    private static readonly Dictionary<string, string> s_metadata = new() { ["format"] = "pt" };

    private TorchFile(string path, SafeFileHandle handle, IEnumerable<TensorEntry> tensors) : base(path, handle, tensors, s_metadata) { }

    /// <summary>Opens a file and reads its list of tensors.</summary>
    /// <exception cref="SkipwiseException">there is no such file, it is damaged or of the old format, or it holds anything but
    /// tensors</exception>
    public static TorchFile Open(string path) => Open(path, handle =>
    {
        CheckBeginning(FileBytes.Read(handle, 0, (int)Math.Min(RandomAccess.GetLength(handle), 265), path), path);
        var zip = new ZipDirectory(handle, path);
        const string pickleName = "/data.pkl";
        string[] pickles =
            [.. zip.Names.Where(name => name.EndsWith(pickleName, StringComparison.Ordinal) && name.IndexOf('/') == name.Length
                - pickleName.Length)];
        if (pickles is not [string pickle])
        {
            throw new SkipwiseException(
                $"{path}: expected one record NAME{pickleName}, found {pickles.Length}: this archive was not written by torch.save");
        }
        string root = pickle[..^pickleName.Length];
        CheckByteOrder(handle, zip, root, path);
        (long offset, long length) = zip.Find(pickle)!.Value;
        if (length > LongestPickle)
        {
            throw new SkipwiseException($"{path}: its pickle has {length} bytes; at most {LongestPickle} are read");
        }
        return new TorchFile(path, handle, Entries(FileBytes.Read(handle, offset, (int)length, path), zip, root, path));
    });

    private static void CheckBeginning(ReadOnlySpan<byte> beginning, string path)
    {
        if (beginning.StartsWith(s_zip))
        {
            return;
        }
        bool isLegacy = beginning.StartsWith(s_legacyMagic)
            || (beginning.Length >= 262 && beginning.Slice(257, 5).SequenceEqual("ustar"u8));
        throw new SkipwiseException(isLegacy
            ? $"{path}: written in the format that PyTorch used before 1.6. Rewrite it with a newer PyTorch: python -c \"import torch; " +
                $"torch.save(torch.load('{System.IO.Path.GetFileName(path)}', map_location='cpu'), '{System.IO.Path.GetFileName(path)}')\""
            : $"{path}: does not begin as a file of torch.save does (\"PK\"): it is no PyTorch file, or damaged. Fetch it again");
    }

    private static void CheckByteOrder(SafeFileHandle handle, ZipDirectory zip, string root, string path)
    {
        if (zip.Find($"{root}/byteorder") is not (long offset, long length))
        {
            return; // older files do not state it: little endian
        }
        byte[] order = FileBytes.Read(handle, offset, (int)Math.Min(length, 16), path);
        if (!order.AsSpan().SequenceEqual("little"u8))
        {
            throw new SkipwiseException(
                $"{path}: its byte order is not \"little\". Save it again with torch.save on a little-endian machine");
        }
    }

    private static List<TensorEntry> Entries(byte[] pickle, ZipDirectory zip, string root, string path)
    {
        object? content;
        try
        {
            content = PickleReader.Read(pickle);
        }
        catch (FormatException e)
        {
            throw new SkipwiseException($"{path}: {root}/data.pkl: {e.Message}", e);
        }
        if (content is not PickleDictionary dictionary)
        {
            throw new SkipwiseException(
                $"{path}: expected a dictionary of tensors, found something else. Save the model's state_dict() alone");
        }
        var entries = new List<TensorEntry>();
        var names = new HashSet<string>();
        foreach ((object? key, object? value) in dictionary.Items)
        {
            if (key is not string name || value is not PickleTensor tensor || !names.Add(name))
            {
                throw new SkipwiseException(
                    $"{path}: key {key as string ?? "(no text)"}: expected one tensor under each name. Save the model's state_dict() " +
                    $"alone");
            }
            entries.Add(Entry(name, tensor, zip, root, path));
        }
        return entries;
    }

    private static TensorEntry Entry(string name, PickleTensor tensor, ZipDirectory zip, string root, string path)
    {
        string record = $"{root}/data/{tensor.Storage.Key}";
        (long offset, long length) = zip.Find(record)
            ?? throw new SkipwiseException($"{path}: tensor {name}: record {record} is missing. Fetch the file again");
        int size = tensor.Storage.Type.Size;
        if (tensor.Storage.Count > length / size)
        {
            throw new SkipwiseException(
                $"{path}: tensor {name}: record {record} holds {length} bytes, too few for {tensor.Storage.Count} elements of " +
                $"{tensor.Storage.Type}");
        }
        var view = new StridedView(tensor.Sizes, tensor.Strides);
        long spanned = tensor.Sizes.Contains(0) ? 0 : 1 + tensor.Sizes.Zip(tensor.Strides, (count, stride) => (count - 1) * stride).Sum();
        return new TensorEntry(name, tensor.Storage.Type, tensor.Sizes, offset + (spanned == 0 ? 0 : tensor.Offset * size), spanned * size)
        {
            View = view.IsContiguous || spanned == 0 ? null : view,
        };
    }
}
