using System.Globalization;
using Skipwise.Checkpoints.Formats;
using Skipwise.Storage;
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
    public static bool AreIn(string folder) => NamesIn(folder).Length > 0;

    /// <summary>Opens the files of a checkpoint.</summary>
    /// <exception cref="SkipwiseException">a file is missing or broken, or there are files of several jobs</exception>
    public static StateFiles Open(string folder)
    {
        var files = new StateFiles(folder);
        try
        {
            foreach (string name in WholeSet(folder))
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
    /// <exception cref="SkipwiseException">the tensor is missing, or of another shape; nothing was written</exception>
    public void Read(string name, IReadOnlyList<long> shape, long start, Tensor destination)
    {
        Require(name, shape);
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
    }

    /// <summary>One file has tensors as they are, several have vectors of their elements.</summary>
    private void Require(string name, IReadOnlyList<long> shape)
    {
        IReadOnlyList<long>[] found = [.. _files.Select(file => file.Tensors.GetValueOrDefault(name)?.Shape).OfType<IReadOnlyList<long>>()];
        if (_files.Count == 1 ? found is [var one] && one.SequenceEqual(shape) : found.Sum(Product) == Product(shape))
        {
            return;
        }
        string difference = found.Length == 0 ? "is missing"
            : _files.Count == 1 ? $"has shape {TensorEntry.Describe(found[0])} there"
            : FormattableString.Invariant($"has {found.Sum(Product)} elements there");
        throw new SkipwiseException(
            $"{(_files.Count == 1 ? _files[0].Path : _folder)}: tensor {name} of shape {TensorEntry.Describe(shape)} {difference}; the "
            + $"checkpoint belongs to another model. Start afresh without {OptionName.Of(nameof(SaveOptions.Resume))}");
    }

    /// <inheritdoc/>
    public void Dispose() => _files.ForEach(file => file.Dispose());

    private static long Product(IEnumerable<long> shape) => shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>Names of the files of the job that wrote a folder, all of which are there.</summary>
    private static string[] WholeSet(string folder)
    {
        string[] names = NamesIn(folder);
        if (names.FirstOrDefault(name => RanksOf(name) != RanksOf(names[0])) is { } other)
        {
            throw new SkipwiseException(
                $"{folder}: {names[0]} and {other} are of different jobs. Move the file away that is not of this checkpoint");
        }
        int ranks = names.Length == 0 ? 0 : RanksOf(names[0])!.Value;
        string[] all = ranks == 0 ? [Name] : [.. Enumerable.Range(0, ranks).Select(rank => NameOf(rank, ranks))];
        return all.FirstOrDefault(name => !File.Exists(Path.Combine(folder, name))) is { } missing
            ? throw new SkipwiseException(
                $"{Path.Combine(folder, missing)}: is missing. Delete {folder} to resume from the checkpoint before it")
            : all;
    }

    /// <summary>Names of such files that the folder's manifest lists, or that are in a folder without one, in order.</summary>
    private static string[] NamesIn(string folder)
    {
        IEnumerable<string> all = !Directory.Exists(folder) ? []
            : FolderManifest.Find(folder)?.Files.Keys ?? Directory.EnumerateFiles(folder).Select(file => Path.GetFileName(file));
        return [.. all.Where(name => RanksOf(name) is not null).Order(StringComparer.Ordinal)];
    }

    /// <summary>The number of ranks of the job that writes a file of this name; 0: one process.</summary>
    /// <returns>null if it is none of these names</returns>
    private static int? RanksOf(string name)
    {
        if (name == Name)
        {
            return 0;
        }
        bool isLike = name.StartsWith(Beginning, StringComparison.Ordinal) && name.EndsWith(Ending, StringComparison.Ordinal);
        return isLike && name[Beginning.Length..^Ending.Length].Split("-of-") is [var number, var count]
            && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int rank)
            && int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int ranks)
            && rank > 0 && rank <= ranks && NameOf(rank - 1, ranks) == name ? ranks : null;
    }
}
