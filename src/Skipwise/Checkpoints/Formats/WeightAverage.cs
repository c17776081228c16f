using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Formats;

/// <summary>
/// The weighted averages of two checkpoints' tensors, W x tuned + (1 - W) x base, made while they are written: some rows at a time, so
/// that neither model is in memory.
/// </summary>
internal sealed class WeightAverage : IDisposable
{
    private readonly WeightFiles _base, _tuned;
    private readonly double _weight;
    private readonly (StoredTensor Base, StoredTensor Tuned)[] _pairs;

    /// <summary>Opens both checkpoints.</summary>
    /// <param name="weight">W, from 0 to 1</param>
    /// <exception cref="SkipwiseException">a checkpoint cannot be read, or a tensor is in one of them alone, has another shape, or is of
    /// no floating type</exception>
    public WeightAverage(string baseModel, string tunedModel, double weight)
    {
        _weight = weight;
        _base = WeightFiles.Open(baseModel);
        try
        {
            _tuned = WeightFiles.Open(tunedModel);
            _pairs = Pairs();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>elements of a tensor that are in memory at a time, or one row of it; by default 64 MB in float32, for each of two
    /// tensors</summary>
    public long PieceElements { get; init; } = 1 << 24;

    /// <summary>number of tensors</summary>
    public int Count => _pairs.Length;

    /// <summary>Whether a sum is rounded: it is computed in float32 at least, and stored in the tuned model's type.</summary>
    public bool LosesPrecision => _weight < 1
        && _pairs.Any(pair => TypeOf(pair.Tuned) != (_weight > 0 ? ComputedType(pair) : TypeOf(pair.Base)));

    /// <summary>The header's metadata of the tuned model.</summary>
    public IReadOnlyDictionary<string, string>? Metadata => _tuned.Metadata.Count > 0 ? _tuned.Metadata : null;

    /// <summary>The tensors, in the tuned model's order and types.</summary>
    /// <param name="stop">ends the enumeration of their parts</param>
    public IReadOnlyList<OutputTensor> Tensors(CancellationToken stop) =>
        [.. _pairs.Select(pair =>
            new OutputTensor(pair.Tuned.Entry.Name, pair.Tuned.Entry.Shape, Parts(pair, stop), TypeOf(pair.Tuned)))];

    /// <inheritdoc/>
    public void Dispose()
    {
        _base.Dispose();
        _tuned?.Dispose();
    }

    private (StoredTensor Base, StoredTensor Tuned)[] Pairs()
    {
        string[] Names(WeightFiles files) => [.. files.Tensors.Keys.Where(name => !ModelFamily.Ignores(name))];
        string[] before = Names(_base), after = Names(_tuned);
        RequireAll(before.Except(after), _base, _tuned);
        RequireAll(after.Except(before), _tuned, _base);
        return [.. after.Select(name => Checked(_base.Tensors[name], _tuned.Tensors[name]))];
    }

    private static void RequireAll(IEnumerable<string> missing, WeightFiles has, WeightFiles lacks)
    {
        if (missing.ToArray() is [var first, .. var others])
        {
            throw new SkipwiseException(
                $"{lacks.Location}: has no tensor {first}{(others.Length > 0 ? $" and {others.Length} others" : "")}, which " +
                $"{has.Location} has. Only a model and the base that it was tuned from have an average");
        }
    }

    private static (StoredTensor Base, StoredTensor Tuned) Checked(StoredTensor before, StoredTensor after)
    {
        if (!before.Entry.Shape.SequenceEqual(after.Entry.Shape))
        {
            throw new SkipwiseException(
                $"{after.File.Path}: tensor {after.Entry.Name}: is {TensorEntry.Describe(after.Entry.Shape)}, and " +
                $"{TensorEntry.Describe(before.Entry.Shape)} in {before.File.Path}. Only a model and the base that it was tuned from " +
                "have an average");
        }
        foreach (StoredTensor tensor in (StoredTensor[])[before, after])
        {
            if (!tensor.Entry.Type.IsReadAsFloat)
            {
                throw new SkipwiseException(
                    $"{tensor.File.Path}: tensor {tensor.Entry.Name}: expected F64, F32, F16 or BF16, found {tensor.Entry.Type}");
            }
        }
        return (before, after);
    }

    private IEnumerable<Tensor> Parts((StoredTensor Base, StoredTensor Tuned) pair, CancellationToken stop)
    {
        IReadOnlyList<long> shape = pair.Tuned.Entry.Shape;
        long elements = shape.Aggregate(1L, (product, size) => product * size);
        bool isWhole = shape.Count == 0 || elements <= PieceElements || (pair.Base.Entry.View ?? pair.Tuned.Entry.View) is not null;
        long all = isWhole ? 1 : shape[0], step = isWhole ? 1 : Math.Max(1, PieceElements / Math.Max(1, elements / shape[0]));
        for (long row = 0; row < all; row += step)
        {
            stop.ThrowIfCancellationRequested();
            using Tensor part = Average(pair, isWhole ? entry => entry : entry => entry.Rows(row, Math.Min(step, all - row)));
            yield return part;
        }
    }

    private Tensor Average((StoredTensor Base, StoredTensor Tuned) pair, Func<TensorEntry, TensorEntry> rows)
    {
        ScalarType type = ComputedType(pair);
        Tensor result = Read(_weight > 0 ? pair.Tuned : pair.Base, rows, type);
        if (_weight is > 0 and < 1) // its ends are the models themselves, to the bit: a sum would lose the sign of a zero
        {
            using IDisposable noGradient = no_grad();
            using Tensor before = Read(pair.Base, rows, type);
            result.mul_(_weight).add_(before, alpha: 1 - _weight);
        }
        if (!FiniteCheck.HasNonFinite(result))
        {
            return result;
        }
        result.Dispose();
        throw new SkipwiseException(
            $"{pair.Tuned.File.Path}: tensor {pair.Tuned.Entry.Name}: its average with {pair.Base.File.Path} is not finite: a file is " +
            "damaged or its training diverged. Fetch it again, or use another checkpoint");
    }

    private static Tensor Read(StoredTensor stored, Func<TensorEntry, TensorEntry> rows, ScalarType type)
    {
        TensorEntry entry = rows(stored.Entry);
        Tensor values = empty([.. entry.Shape], type);
        stored.File.ReadInto(entry, values);
        return values;
    }

    private static ScalarType TypeOf(StoredTensor tensor) => tensor.Entry.Type.ReadAs!.Value;

    private static ScalarType ComputedType((StoredTensor Base, StoredTensor Tuned) pair) =>
        TypeOf(pair.Base) == ScalarType.Float64 || TypeOf(pair.Tuned) == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
}
