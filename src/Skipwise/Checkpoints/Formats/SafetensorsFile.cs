using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using Skipwise.Storage;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Formats;

/// <summary>
/// A safetensors file, open for reading: 8 bytes with the header's length, the JSON header, then the tensors' bytes, row
/// by row, little endian (huggingface.co/docs/safetensors). Opening reads and checks only the header.
/// </summary>
/// <example>
/// <code>
/// using TorchSharp;
///
/// using SafetensorsFile file = SafetensorsFile.Open("model.safetensors");
/// foreach (TensorEntry entry in file.Tensors.Values)
/// {
///     using torch.Tensor tensor = file.Read(entry);
///     Console.WriteLine($"{entry.Name} {entry.Type.Name}[{string.Join(", ", entry.Shape)}]");
/// }
/// </code>
/// </example>
public sealed class SafetensorsFile : TensorFile
{
    /// <summary>bytes that hold the header's length</summary>
    internal const int LengthField = 8;

    private SafetensorsFile(string path, SafeFileHandle handle, SafetensorsHeader header)
        : base(path, handle, header.Tensors, header.Metadata, isMapped: true)
    {
    }

    /// <summary>Opens a file and reads its header.</summary>
    /// <exception cref="SkipwiseException">there is no such file, it cannot be read, or its header is inconsistent</exception>
    public static SafetensorsFile Open(string path) => Open(path, handle =>
    {
        long length = RandomAccess.GetLength(handle);
        if (length < LengthField)
        {
            throw new SkipwiseException($"{path}: {length} bytes are too few for a safetensors file: it is empty or cut off");
        }
        ulong headerLength = BinaryPrimitives.ReadUInt64LittleEndian(FileBytes.Read(handle, 0, LengthField, path));
        if (headerLength > SafetensorsHeader.LongestHeader)
        {
            throw new SkipwiseException(
                $"{path}: claims a header of {headerLength} bytes; at most {SafetensorsHeader.LongestHeader} are allowed. This is no " +
                $"safetensors file");
        }
        if (headerLength > (ulong)(length - LengthField))
        {
            throw new SkipwiseException(
                $"{path}: claims a header of {headerLength} bytes, but only {length - LengthField} follow: the file is cut off. Fetch it " +
                $"again");
        }
        byte[] json = FileBytes.Read(handle, LengthField, (int)headerLength, path);
        return new SafetensorsFile(path, handle, SafetensorsHeader.Parse(json, LengthField + json.Length, length, path));
    });
}
