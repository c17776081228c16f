using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>A type of numbers in memory that kernels read and write; they compute in float32.</summary>
internal unsafe interface IElement
{
    static abstract ScalarType Dtype { get; }

    /// <summary>bytes of a number</summary>
    static abstract int Size { get; }

    /// <summary>One number.</summary>
    static abstract float At(byte* data, long index);

    /// <summary>The number of this type that is nearest.</summary>
    static abstract float Round(float value);

    /// <inheritdoc cref="Round(float)"/>
    static abstract T Round<TLanes, T>(T vector) where TLanes : ILanes<T> where T : struct;

    /// <summary>Writes one number, rounded to the nearest.</summary>
    static abstract void Set(byte* data, long index, float value);

    /// <summary>The numbers from an index on.</summary>
    static abstract T Load<TLanes, T>(byte* data, long index) where TLanes : ILanes<T> where T : struct;

    /// <summary>Writes numbers from an index on, rounded to the nearest.</summary>
    static abstract void Store<TLanes, T>(T vector, byte* data, long index) where TLanes : ILanes<T> where T : struct;

    /// <inheritdoc cref="ILanes{T}.LoadPairs"/>
    static abstract (T Even, T Odd) LoadPairs<TLanes, T>(byte* data, long index) where TLanes : ILanes<T> where T : struct;

    /// <inheritdoc cref="ILanes{T}.StorePairs"/>
    static abstract void StorePairs<TLanes, T>(T even, T odd, byte* data, long index) where TLanes : ILanes<T> where T : struct;
}
