using System.Globalization;
using Skipwise.Checkpoints.Formats;
using static TorchSharp.torch;

namespace Skipwise.Runs;

/// <summary>
/// The files of a checkpoint that hold what resuming needs besides the model: <c>training.safetensors</c> with whole tensors, or one file
/// per rank of the job that wrote them, <c>training-00001-of-00004.safetensors</c>, each with consecutive elements of every tensor.
/// </summary>
internal sealed class StateFiles : IDisposable
{
    /// <summary>Name of the file of one process.</summary>
    public const string Name = "training.safetensors";

    private const string Beginning = "training-", Ending = ".safetensors";

    private readonly string _folder;
    private readonly List<SafetensorsFile> _files = [];

    private StateFiles(string folder) => _folder = folder;

    /// <summary>Name of the file of a rank.</summary>
    public static string NameOf(int rank, int ranks) =>
        string.Create(CultureInfo.InvariantCulture, $"{Beginning}{rank + 1:00000}-of-{ranks:00000}{Ending}");

    /// <summary>Whether a folder has such files.</summary>
    public static bool AreIn(string folder) => File.Exists(Path.Combine(folder, Name)) || RanksOf(folder) > 0;

    /// <summary>Opens the files of a checkpoint.</summary>
    /// <exception cref="SkipwiseException">a file is missing or broken</exception>
    public static StateFiles Open(string folder)
    {
        int ranks = File.Exists(Path.Combine(folder, Name)) ? 0 : RanksOf(folder);
        var files = new StateFiles(folder);
        try
        {
            foreach (string name in ranks == 0 ? [Name] : Enumerable.Range(0, ranks).Select(rank => NameOf(rank, ranks)))
            {
                files._files.Add(SafetensorsFile.Open(Path.Combine(folder, name)));
            }
            return files;
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <summary>Reads consecutive elements of a tensor.</summary>
    /// <param name="name">of the tensor</param>
    /// <param name="shape">of the whole tensor</param>
    /// <param name="start">the first element</param>
    /// <param name="destination">contiguous, as many elements</param>
    /// <exception cref="SkipwiseException">the tensor is missing, or of another size</exception>
    public void Read(string name, IReadOnlyList<long> shape, long start, Tensor destination)
    {
        using Tensor flat = destination.view(-1);
        long end = start + flat.numel(), place = 0;
        foreach (SafetensorsFile file in _files)
        {
            if (!file.Tensors.TryGetValue(name, out TensorEntry? entry))
            {
                continue; // a rank may have no element of a small tensor
            }
            long count = Product(entry.Shape), from = Math.Max(start, place), to = Math.Min(end, place + count);
            if (from < to)
            {
                using Tensor piece = flat.narrow(0, from - start, to - from);
                file.ReadInto(entry with
                {
                    Shape = [to - from],
                    Offset = entry.Offset + ((from - place) * entry.Type.Size),
                    Length = (to - from) * entry.Type.Size,
                }, piece);
            }
            place += count;
        }
        if (place != Product(shape))
        {
            throw new SkipwiseException(
                $"{(_files.Count == 1 ? _files[0].Path : _folder)}: tensor {name} of shape {TensorEntry.Describe(shape)} is missing; the "
                + "checkpoint belongs to another model. "
                + $"Start afresh without {OptionName.Of(nameof(SaveOptions.Resume))}");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _files.ForEach(file => file.Dispose());

    private static long Product(IEnumerable<long> shape) => shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>The number of ranks that wrote the folder, by the name of any of their files; 0: none.</summary>
    private static int RanksOf(string folder) => Directory.Exists(folder)
        ? Directory.EnumerateFiles(folder, $"{Beginning}*-of-*{Ending}").Select(file => Path.GetFileName(file))
            .Select(name => int.TryParse(name[(name.LastIndexOf('-') + 1)..^Ending.Length], NumberStyles.None,
                CultureInfo.InvariantCulture, out int ranks) ? ranks : 0).FirstOrDefault()
        : 0;
}
